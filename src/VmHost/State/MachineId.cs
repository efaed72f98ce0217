using System.Security.Cryptography;

namespace VmHost.State;

/// <summary>Machine ids: 12 lower-case hex digits, random, never reused.</summary>
public static class MachineId
{
    /// <summary>In characters.</summary>
    public const int Length = 12;

    /// <summary>A new one.</summary>
    public static string New() => RandomNumberGenerator.GetHexString(Length, lowercase: true);

    /// <summary>Whether a text is one.</summary>
    public static bool IsValid(string text) => text.Length == Length && text.All(char.IsAsciiHexDigitLower);
}
