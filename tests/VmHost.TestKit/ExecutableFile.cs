using System.Diagnostics;

namespace VmHost.TestKit;

/// <summary>
/// Programs that a test writes and runs. Another program writes the file: a child that this process starts meanwhile, for another
/// test, would inherit the descriptor, and the kernel does not run a file that is open for writing (ETXTBSY).
/// </summary>
public static class ExecutableFile
{
    /// <summary>Writes a program and returns its path.</summary>
    public static string Write(string path, string text)
    {
        var source = $"{path}.text";
        File.WriteAllText(source, text);
        using var copy = Process.Start("/bin/sh", ["-c", "cat \"$1\" >\"$2.new\" && chmod 700 \"$2.new\" && mv -f \"$2.new\" \"$2\" && rm \"$1\"", "sh", source, path]);
        copy.WaitForExit();
        return copy.ExitCode == 0 ? path : throw new IOException($"{path} cannot be written");
    }
}
