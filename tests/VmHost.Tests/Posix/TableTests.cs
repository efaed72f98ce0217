using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using VmHost.Posix;
using VmHost.Posix.Tables;

namespace VmHost.Tests.Posix;

/// <summary>The constants and layouts of VmHost.Posix, compared with the headers of the systems that they are of.</summary>
public sealed class TableTests
{
    private const string Includes = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <poll.h>
        #include <signal.h>
        #include <spawn.h>
        #include <stddef.h>
        #include <termios.h>
        #include <sys/file.h>
        #include <sys/ioctl.h>
        #include <sys/resource.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <sys/un.h>
        #include <sys/wait.h>

        """;

    // Of Debian's packages gcc and gcc-aarch64-linux-gnu, with the headers of libc6-dev and libc6-dev-arm64-cross.
    private static readonly Dictionary<string, string> Compilers = new(StringComparer.Ordinal)
    {
        [nameof(Platform.LinuxX64)] = "x86_64-linux-gnu-gcc",
        [nameof(Platform.LinuxArm64)] = "aarch64-linux-gnu-gcc",
    };

    private static readonly (string Name, HeaderAttribute Header, SystemValue Value)[] Rows =
    [
        .. typeof(SystemValue).Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(SystemValue).Namespace)
            .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.NonPublic))
            .Where(field => field.FieldType == typeof(SystemValue))
            .Select(field => (
                $"{field.DeclaringType!.Name}.{field.Name}",
                field.GetCustomAttribute<HeaderAttribute>() ?? throw new InvalidOperationException($"{field.Name} has no [Header]"),
                (SystemValue)field.GetValue(null)!)),
    ];

    [Theory]
    [InlineData(nameof(Platform.LinuxX64))]
    [InlineData(nameof(Platform.LinuxArm64))]
    public async Task The_Linux_columns_have_the_values_of_the_headers(string platform)
    {
        var column = Enum.Parse<Platform>(platform);
        var assertions = Rows.Select(row => (row.Header.Expression, Value: row.Value.On(column)))
            .Where(row => row.Value != SystemValue.None)
            .ToList();
        Assert.InRange(assertions.Count, 80, int.MaxValue);

        Assert.Equal("", await CompileAsync(Compilers[platform], assertions));
    }

    [Theory]
    [InlineData(nameof(Platform.LinuxX64), "O_DIRECTORY", 0x4000)]
    [InlineData(nameof(Platform.LinuxArm64), "O_DIRECTORY", 0x10000)]
    [InlineData(nameof(Platform.LinuxArm64), "O_NOFOLLOW", 0x20000)]
    public async Task A_value_of_the_other_architecture_is_found(string platform, string name, long wrong) =>
        Assert.Contains($"{name} is not {wrong}", await CompileAsync(Compilers[platform], [(name, wrong)]), StringComparison.Ordinal);

    [Fact]
    public void Each_macOS_value_names_its_line_in_xnu()
    {
        foreach (var (name, header, value) in Rows)
        {
            var isOnMac = value.On(Platform.MacX64) != SystemValue.None;
            Assert.True(isOnMac == (header.Xnu.Length > 0), name);
            Assert.True(isOnMac == (value.On(Platform.MacArm64) != SystemValue.None), name);
            if (isOnMac)
                Assert.Matches(@"^(bsd|libsyscall)/[\w./]+\.h:\d+$", header.Xnu);
        }
    }

    [Fact]
    public void Structures_have_the_layout_of_their_rows()
    {
        Assert.Equal(PollTable.EntrySize.Value, Marshal.SizeOf<PollEntry>());
        Assert.Equal(PollTable.EntryDescriptor.Value, OffsetOf<PollEntry>(nameof(PollEntry.Descriptor)));
        Assert.Equal(PollTable.EntryWanted.Value, OffsetOf<PollEntry>(nameof(PollEntry.Wanted)));
        Assert.Equal(PollTable.EntryReady.Value, OffsetOf<PollEntry>(nameof(PollEntry.Ready)));
        Assert.Equal(TerminalTable.WindowSizeSize.Value, Marshal.SizeOf<WindowSize>());
        Assert.Equal(TerminalTable.WindowSizeRows.Value, OffsetOf<WindowSize>(nameof(WindowSize.Rows)));
        Assert.Equal(TerminalTable.WindowSizeColumns.Value, OffsetOf<WindowSize>(nameof(WindowSize.Columns)));
    }

    private static int OffsetOf<T>(string field) => (int)Marshal.OffsetOf<T>(field);

    private static async Task<string> CompileAsync(string compiler, IEnumerable<(string Expression, long Value)> rows)
    {
        var start = new ProcessStartInfo(compiler) { RedirectStandardInput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["-fsyntax-only", "-Wall", "-x", "c", "-"])
            start.ArgumentList.Add(argument);

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(Includes);
        foreach (var (expression, value) in rows)
        {
            await process.StandardInput.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"_Static_assert((long long)({expression}) == {value}LL, \"{expression} is not {value}\");"));
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode == 0 ? "" : await errors;
    }
}
