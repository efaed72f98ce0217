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

    // With one of these, a directory that others may write was made for several users, such as /tmp, and is not to be changed.
    private const UnixFileMode Shared = UnixFileMode.OtherWrite | UnixFileMode.StickyBit | UnixFileMode.SetGroup;

    /// <summary>Makes the directory with mode 0700 if it is missing. One that exists must belong to this user, and no other may write to it.</summary>
    /// <param name="path">Absolute path. Its symbolic links must belong to this user or to root.</param>
    /// <param name="option">The option that names it, for the message.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>, with the cure.</exception>
    public static void Ensure(string path, string option)
    {
        RefuseForeignLinks(path, option);
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused($"{path} cannot be made: {e.Message}; choose another {option}");
        }

        // Again: a link may have taken a missing directory's place meanwhile.
        RefuseForeignLinks(path, option);
        if (!FileStatus.TryGet(path, out var status))
            throw Refused($"{path} cannot be looked at; choose another {option}");

        var mode = File.GetUnixFileMode(path);
        var othersWrite = (mode & OthersWrite) != UnixFileMode.None;
        if (othersWrite && (status.Owner != User.Id || (mode & Shared) != UnixFileMode.None))
            throw Refused($"{path} is shared: other users may write to it; choose a directory of your own for {option}");
        if (status.Owner != User.Id)
            throw Refused($"{path} belongs to user {status.Owner}, not to this one ({User.Id}); choose a directory of your own for {option}");
        if (othersWrite)
            throw Refused($"{path} may be written by others of its group; take that right away (chmod g-w {path}) or choose another directory for {option}");
    }

    private static void RefuseForeignLinks(string path, string option)
    {
        if (ForeignLinks.Find(path) is var (link, owner))
            throw Refused($"{link} is a symbolic link of user {owner}, who can change where it leads; choose a directory of your own for {option}");
    }

    private static VmHostException Refused(FormattableString message) =>
        new(VmHostError.FailedPrecondition, message.ToString(CultureInfo.InvariantCulture));
}
