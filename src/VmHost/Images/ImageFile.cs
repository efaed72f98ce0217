using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>Opens a file that a caller named, after making sure that it is one. Never waits for a FIFO or a device.</summary>
public static class ImageFile
{
    /// <summary>PATH_MAX less the NUL, in UTF-8 bytes.</summary>
    public const int MaxPathBytes = 4095;

    private static readonly string[] OtherForEachProcess = ["/proc/", "/dev/fd/", "/dev/stdin", "/dev/stdout", "/dev/stderr"];

    /// <summary>What is wrong with the text of a path, before anything is looked up; null when nothing is.</summary>
    /// <param name="path">As it came in.</param>
    public static string? PathFaultOf(string path)
    {
        if (path.Length == 0)
            return "is empty; give an absolute path";
        if (path.Contains('\0', StringComparison.Ordinal))
            return $"{Quoted.Text(path)} contains NUL, which no path can; give the path without it";
        if (HasBrokenSurrogate(path))
            return $"{Quoted.Text(path)} is no valid Unicode; rename the file";
        if (path.Any(char.IsControl))
            return $"{Quoted.Text(path)} contains a control character; rename the file";
        if (path[0] != '/')
            return $"{Quoted.Text(path)} is relative, and the daemon has another working directory; give an absolute path";
        if (Encoding.UTF8.GetByteCount(path) is var length and > MaxPathBytes)
            return string.Create(CultureInfo.InvariantCulture, $"{Quoted.Text(path)} is {length} bytes long; a path has at most {MaxPathBytes}");
        if (OtherForEachProcess.Any(prefix => path.StartsWith(prefix, StringComparison.Ordinal)))
            return $"{Quoted.Text(path)} is another file for each process that opens it; give the path of the file itself";

        return null;
    }

    /// <summary>
    /// Whether something stands at the path, be it what it may: also a link to nothing, and also true where one may not
    /// look. False for a path longer than the file system takes, at which nothing can stand.
    /// </summary>
    /// <param name="path">Without fault in the sense of <see cref="PathFaultOf"/>.</param>
    public static bool Exists(string path) =>
        FileStatus.TryGet(path, out var status)
        || status.Failure is not (FileFailure.NotFound or FileFailure.NotDirectory or FileFailure.NameTooLong)
        || (status.Failure is FileFailure.NotFound && IsLink(path));

    /// <summary>
    /// Opens the regular file that <paramref name="path"/> leads to, through symbolic links. The facts are those of the
    /// opened file, so nothing can be put in its place between the look and the reading.
    /// </summary>
    /// <param name="path">As it came in.</param>
    /// <param name="mayBeEmpty">A file of 0 bytes is no fault.</param>
    /// <param name="status">The facts about the open file.</param>
    /// <param name="fault">What is wrong, why and the cure; empty when nothing is.</param>
    /// <returns>Open for reading, owned by the caller; null when there is a fault.</returns>
    public static SafeFileHandle? Open(string path, bool mayBeEmpty, out FileStatus status, out string fault)
    {
        status = default;
        fault = PathFaultOf(path) ?? "";
        if (fault.Length > 0)
            return null;

        var file = FileStatus.OpenRegular(path, out status);
        if (file is not null && (status.Size > 0 || mayBeEmpty))
            return file;

        fault = FaultOf(path, status);
        file?.Dispose();
        return null;
    }

    private static string FaultOf(string path, FileStatus status)
    {
        var shown = Quoted.Text(path);
        return status.Failure switch
        {
            FileFailure.None => $"{shown} {KindOf(status.Type)}",
            FileFailure.NotFound when IsLink(path) => $"{shown} is a symbolic link to nothing; repair the link or give another path",
            FileFailure.NotFound => $"{shown} does not exist; check the path",
            FileFailure.NotDirectory => $"{shown} leads through something that is no directory; check the path",
            FileFailure.AccessDenied => $"{shown} may not be read by the user that runs vmhostd; change its permissions or those of its directories",
            FileFailure.LinkLoop => $"{shown} leads through symbolic links that form a circle; repair the links",
            FileFailure.NameTooLong => $"{shown} has a part that is longer than the file system takes (255 bytes); check the path",
            _ => string.Create(CultureInfo.InvariantCulture, $"{shown} cannot be read (errno {status.Errno}: {Marshal.GetPInvokeErrorMessage(status.Errno)}); check the path"),
        };
    }

    private static string KindOf(FileType type) =>
        type switch
        {
            FileType.Regular => "is empty (0 bytes); give a file with content",
            FileType.Directory => "is a directory; give the path of a file",
            FileType.Fifo => "is a FIFO (named pipe); give the path of a regular file",
            FileType.Socket => "is a socket; give the path of a regular file",
            FileType.CharacterDevice or FileType.BlockDevice => "is a device; give the path of a regular file",
            _ => "is no regular file; give the path of one",
        };

    private static bool IsLink(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget is not null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // The marshaller would silently put another character in its place, and so open another file.
    private static bool HasBrokenSurrogate(string text)
    {
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var length) != OperationStatus.Done)
                return true;
            rest = rest[length..];
        }

        return false;
    }
}
