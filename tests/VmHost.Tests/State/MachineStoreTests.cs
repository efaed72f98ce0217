using System.Diagnostics;
using VmHost.ShimContract.Records;
using VmHost.Specs;
using VmHost.State;
using VmHost.TestKit;

namespace VmHost.Tests.State;

public sealed class MachineStoreTests : IDisposable
{
    private const string Sound = "0123456789ab";
    private const string Damaged = "ba9876543210";

    private readonly TemporaryDirectory _directory = new();
    private readonly StateDirectory _state;
    private readonly MachineStore _store;

    public MachineStoreTests()
    {
        _state = StateDirectory.Open(_directory.Combine("s"), TimeProvider.System);
        _store = new MachineStore(_state);
        _store.Save(Record(Sound));
        _store.Save(Record(Damaged));
    }

    private string DamagedFile => Path.Combine(_store.DirectoryOf(Damaged), RecordFile.Machine);

    [Fact]
    public void A_record_comes_back_as_it_was() => Assert.Equal(Record(Sound), Find(Sound).Record);

    [Fact]
    public void A_record_that_was_cut_at_any_byte_is_that_machines_trouble_alone()
    {
        var whole = File.ReadAllBytes(DamagedFile);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(DamagedFile, whole[..length]);

            Assert.NotNull(Find(Damaged).Problem);
            Assert.NotNull(Find(Sound).Record);
        }
    }

    [Fact]
    public void A_flipped_bit_is_found_or_does_no_harm()
    {
        var whole = File.ReadAllBytes(DamagedFile);
        for (var bit = 0; bit < whole.Length * 8; bit += 5)   // every place of a byte comes up
        {
            var flipped = whole.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(DamagedFile, flipped);

            var found = Find(Damaged);
            Assert.True(found.Problem is null != found.Record is null);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"schema\": 99}")]
    public void A_record_that_is_another_thing_is_told(string text)
    {
        File.WriteAllText(DamagedFile, text);

        Assert.NotNull(Find(Damaged).Problem);
    }

    [Theory]
    [InlineData("mkfifo $1")]
    [InlineData("mkfifo $1.pipe; ln -s $1.pipe $1")]
    [InlineData("ln -s /dev/zero $1")]
    [InlineData("ln -s $1 $1")]
    [InlineData("mkdir $1")]
    public async Task What_stands_in_a_records_place_and_is_no_file_holds_nobody_up(string plant)
    {
        File.Delete(DamagedFile);
        using var shell = Process.Start("sh", ["-c", plant, "-", DamagedFile]);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, shell.ExitCode);

        var found = await Task.Run(_store.LoadAll, TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Contains(RecordFile.Machine, found.Single(machine => machine.Id == Damaged).Problem, StringComparison.Ordinal);
        Assert.NotNull(found.Single(machine => machine.Id == Sound).Record);
    }

    [Fact]
    public void A_record_of_a_newer_version_is_left_as_it_is()
    {
        var newer = File.ReadAllText(DamagedFile).Replace("\"schema\": 1", "\"schema\": 2", StringComparison.Ordinal);
        File.WriteAllText(DamagedFile, newer);

        Assert.Contains("schema 2", Find(Damaged).Problem, StringComparison.Ordinal);
        Assert.Equal(newer, File.ReadAllText(DamagedFile));
    }

    [Fact]
    public void What_a_crash_left_half_done_is_finished_or_undone()
    {
        // A creation, before its record was there; a deletion; a record that was being replaced.
        Directory.CreateDirectory(_store.DirectoryOf("111111111111"));
        File.WriteAllText(Path.Combine(_store.DirectoryOf("111111111111"), RecordFile.Launch), "{");
        Directory.Move(_store.DirectoryOf(Damaged), Path.Combine(_state.Machines, ".deleted-" + Damaged));
        var beside = Path.Combine(_store.DirectoryOf(Sound), RecordFile.Machine + ".new");
        File.WriteAllText(beside, "{");

        Assert.Equal([Sound], _store.LoadAll().Select(one => one.Id));
        Assert.Equal([Sound], Directory.EnumerateDirectories(_state.Machines).Select(Path.GetFileName));
        Assert.False(File.Exists(beside));
    }

    [Fact]
    public void A_machine_that_wrote_something_is_kept_also_without_its_record()
    {
        File.Delete(DamagedFile);
        Directory.CreateDirectory(Path.Combine(_store.DirectoryOf(Damaged), RecordFile.Console));

        Assert.NotNull(Find(Damaged).Problem);
    }

    public void Dispose()
    {
        _state.Dispose();
        _directory.Dispose();
    }

    private StoredMachine Find(string id) => _store.LoadAll().Single(one => one.Id == id);

    private static MachineRecord Record(string id) =>
        new()
        {
            Schema = MachineRecord.CurrentSchema,
            Seq = 7,
            Id = id,
            Name = "one",
            Spec = new() { Boot = new(null, "/k", null, "quiet"), CpuCount = 1, Memory = ByteSize.FromMiB(64), PublishedPorts = [], Hypervisor = HypervisorKind.Qemu, Uuid = Guid.Empty },
            CreatedAt = DateTimeOffset.UnixEpoch,
            Restart = new(RestartMode.OnFailure, 3),
            Retry = new(2, DateTimeOffset.UnixEpoch),
        };
}
