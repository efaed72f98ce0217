using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Tests;

public sealed class RecordingTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void It_is_an_asciicast_of_version_2()
    {
        using (var recording = new Recording(File.Create(_path), new(100, 30), "vmctl console \"vm\"", _time))
        {
            _time.Advance(TimeSpan.FromMilliseconds(250));
            recording.Output("\u001b[1mgr"u8);
            _time.Advance(TimeSpan.FromMilliseconds(250));
            recording.Resized(new(80, 24));
        }

        var lines = File.ReadAllLines(_path).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal((2, 100, 30, 1767268800), (lines[0].GetProperty("version").GetInt32(), lines[0].GetProperty("width").GetInt32(), lines[0].GetProperty("height").GetInt32(), lines[0].GetProperty("timestamp").GetInt32()));
        Assert.Equal("vmctl console \"vm\"", lines[0].GetProperty("title").GetString());
        Assert.Equal((0.25, "o", "\u001b[1mgr"), (lines[1][0].GetDouble(), lines[1][1].GetString(), lines[1][2].GetString()));
        Assert.Equal((0.5, "r", "80x24"), (lines[2][0].GetDouble(), lines[2][1].GetString(), lines[2][2].GetString()));
    }

    [Fact]
    public void A_character_that_is_cut_comes_whole_with_its_end()
    {
        var text = Encoding.UTF8.GetBytes("grün 日本 😀");
        using (var recording = new Recording(File.Create(_path), new(80, 24), "", _time))
        {
            foreach (var value in text)
                recording.Output([value]);
        }

        Assert.Equal("grün 日本 😀", string.Concat(File.ReadLines(_path).Skip(1).Select(line => JsonDocument.Parse(line).RootElement[2].GetString())));
    }
}
