using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>Files that no machine can be booted from, each wrong in one way.</summary>
internal static class WrongFiles
{
    internal static async Task WriteAsync(string directory)
    {
        string In(string name) => Path.Combine(directory, name);

        await File.WriteAllTextAsync(In("text-kernel"), new string('x', 9000));
        await CliWrap.Cli.Wrap("mkfifo").WithArguments([In("fifo")]).ExecuteAsync();

        // Documentation/arch/arm64/booting.rst: the magic number "ARM\x64" at offset 56.
        var arm64 = new byte[9000];
        "ARMd"u8.CopyTo(arm64.AsSpan(56));
        await File.WriteAllBytesAsync(In("arm64-kernel"), arm64);

        await File.WriteAllBytesAsync(In("short-kernel"), FakeImages.Kernel()[..2000]);
        await File.WriteAllBytesAsync(In("empty"), []);
        await using (var huge = File.Create(In("huge")))
            huge.SetLength(512L << 20);

        FakeImages.Write(directory, "nul", "console=ttyS0 a\0b");
    }
}
