using System.Collections;
using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>A null-terminated list of C strings, as <c>execve</c> takes its arguments and its environment.</summary>
internal sealed class NativeStrings : IDisposable
{
    private readonly nint[] _strings;

    internal NativeStrings(IEnumerable<string> values) => _strings = [.. values.Select(Marshal.StringToCoTaskMemUTF8), 0];

    internal ref readonly nint First => ref MemoryMarshal.GetArrayDataReference(_strings);

    /// <summary>This process's environment.</summary>
    internal static NativeStrings OfEnvironment() =>
        new(Environment.GetEnvironmentVariables()
            .Cast<DictionaryEntry>()
            .Select(variable => $"{variable.Key}={variable.Value}"));

    public void Dispose()
    {
        foreach (var value in _strings)
            Marshal.FreeCoTaskMem(value);
    }
}
