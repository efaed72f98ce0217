using VmHost.TestKit;

namespace VmHost.Benchmarks.Peers;

/// <summary>A program as one word, for peers that want a command line of a shell's.</summary>
internal static class GuestScript
{
    /// <summary>Writes a script that makes the terminal raw and runs the program.</summary>
    /// <param name="argv">The program and its arguments.</param>
    /// <param name="directory">Where the script is written.</param>
    /// <param name="stay">Whether the terminal stays when the program ends: some peers throw away what they have not read by then.</param>
    /// <returns>The script's path.</returns>
    internal static string Write(IReadOnlyList<string> argv, TemporaryDirectory directory, bool stay)
    {
        var path = directory.Combine("guest");
        var command = string.Join(' ', argv.Select(word => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'"));
        File.WriteAllText(path, $"#!/bin/sh\nstty raw -echo <&1\n{(stay ? $"{command}\nexec sleep 600" : $"exec {command}")}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
