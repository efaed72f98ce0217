using System.Globalization;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.State;

/// <summary>Makes and checks directories that only their owner may use.</summary>
public static class PrivateDirectory
{
    /// <summary>Mode 0700.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Makes the directory with mode 0700 if it is not there; one that is there must be private.</summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="option">The option that names it, for the message.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>, with the cure.</exception>
    public static void Ensure(string path, string option)
    {
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmHostException(VmHostError.FailedPrecondition, $"{path} cannot be made: {e.Message}; choose another {option}");
        }

        if (!FileStatus.TryGet(path, out var status))
            throw new VmHostException(VmHostError.FailedPrecondition, $"{path} cannot be looked at; choose another {option}");
        if (status.Owner != User.Id)
            throw new VmHostException(VmHostError.FailedPrecondition, string.Create(CultureInfo.InvariantCulture, $"{path} belongs to user {status.Owner}, not to this one ({User.Id}); choose another {option}"));
        if ((File.GetUnixFileMode(path) & OthersWrite) != UnixFileMode.None)
            throw new VmHostException(VmHostError.FailedPrecondition, $"{path} may be written by others; take that right away (chmod 700 {path}) or choose another {option}");
    }
}
