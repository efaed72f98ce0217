namespace VmHost.LinuxKit;

/// <summary>Permission bits by the names of what they are for; C# has no octal numbers.</summary>
internal static class FileModes
{
    internal const int OwnerFile = 0b110_000_000;
    internal const int OwnerDirectory = 0b111_000_000;
    internal const int File = 0b110_100_100;
    internal const int Directory = 0b111_101_101;
    internal const int All = 0b111_111_111;

    /// <summary>Permissions with setuid, setgid and sticky.</summary>
    internal const int Mask = 0b111_111_111_111;

    /// <summary>The mode of directories that lead to a file: who may do anything with the file may enter.</summary>
    internal static int ToReach(int mode)
    {
        for (var shift = 0; shift <= 6; shift += 3)
        {
            if ((mode >> shift & 0b111) != 0)
                mode |= 1 << shift;
        }

        return mode & All;
    }
}
