using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>
/// SHA-256 of files, remembered for as long as a file's device, inode, size and time of change stay the same. Remembers
/// <see cref="Capacity"/> files; the one that was computed first is forgotten first. Thread-safe; two that ask for the
/// same file at once may both compute it.
/// </summary>
/// <param name="time">Tells which files changed too recently to be remembered.</param>
public sealed class FileDigests(TimeProvider time)
{
    /// <summary>How many files are remembered.</summary>
    public const int Capacity = 256;

    private const int BufferSize = 128 * 1024;

    // File systems tell the time of a change in steps of some milliseconds: within one, a file can change twice and look
    // the same. So what changed a moment ago is computed, but not remembered.
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(2);

    // Guards both collections.
    private readonly Lock _lock = new();
    private readonly Dictionary<FileIdentity, string> _known = [];
    private readonly Queue<FileIdentity> _order = new();

    /// <summary>How many files are remembered now; at most <see cref="Capacity"/>.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _known.Count;
        }
    }

    /// <summary>The SHA-256 of the file's content, in 64 lower-case hex digits.</summary>
    /// <param name="path">Of a regular file.</param>
    /// <param name="ct">Ends the reading.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it is not there, no regular file, cannot be read, or changed
    /// meanwhile.
    /// </exception>
    public async Task<string> Sha256Async(string path, CancellationToken ct)
    {
        // Before the file is looked at: what changes after this is not taken for what was at rest by then.
        var lookedAt = time.GetUtcNow();
        using var file = ImageFile.Open(path, mayBeEmpty: true, out var status, out var fault);
        if (file is null)
            throw new VmHostException(VmHostError.FailedPrecondition, fault) { Reason = ErrorReason.FileUnusable };

        var identity = FileIdentity.Of(status);
        lock (_lock)
        {
            if (_known.TryGetValue(identity, out var known))
                return known;
        }

        var digest = await ComputeAsync(file, status.Size, path, ct);

        if (!FileStatus.TryGet(file, out var after) || FileIdentity.Of(after) != identity)
            throw new VmHostException(VmHostError.FailedPrecondition, $"{Quoted.Text(path)} changed while it was read; try again when nothing writes to it");

        if (IsSettled(status, lookedAt))
            Remember(identity, digest);
        return digest;
    }

    // Reads no more than the size: the end of a file that grows may never be reached.
    private static async Task<string> ComputeAsync(SafeFileHandle file, long size, string path, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            long offset = 0;
            while (offset < size)
            {
                var wanted = (int)Math.Min(buffer.Length, size - offset);
                var read = await RandomAccess.ReadAsync(file, buffer.AsMemory(0, wanted), offset, ct);
                if (read == 0)
                    break;

                hash.AppendData(buffer, 0, read);
                offset += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmHostException(VmHostError.FailedPrecondition, $"{Quoted.Text(path)} cannot be read ({e.Message}); check the file") { Reason = ErrorReason.FileUnusable };
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private void Remember(FileIdentity identity, string digest)
    {
        lock (_lock)
        {
            if (!_known.TryAdd(identity, digest))
                return;

            _order.Enqueue(identity);
            if (_order.Count > Capacity)
                _known.Remove(_order.Dequeue());
        }
    }

    private static bool IsSettled(FileStatus status, DateTimeOffset lookedAt) =>
        (lookedAt - DateTimeOffset.UnixEpoch).TotalSeconds - (status.ModifiedAt / 1e9) > SettleTime.TotalSeconds;

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct FileIdentity(ulong Device, ulong Inode, long Size, long ModifiedAt)
    {
        public static FileIdentity Of(FileStatus status) => new(status.Device, status.Inode, status.Size, status.ModifiedAt);
    }
}
