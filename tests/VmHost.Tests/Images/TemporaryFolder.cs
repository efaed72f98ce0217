using System.Diagnostics;

namespace VmHost.Tests.Images;

/// <summary>A folder of its own for one test; gone with all its content at the end.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("vmhost-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Write(string name, string text)
    {
        System.IO.File.WriteAllText(File(name), text);
        return File(name);
    }

    public string Write(string name, byte[] content)
    {
        System.IO.File.WriteAllBytes(File(name), content);
        return File(name);
    }

    /// <summary>A file of that length that takes no space.</summary>
    public string WriteSparse(string name, long length)
    {
        using var file = System.IO.File.Create(File(name));
        file.SetLength(length);
        return File(name);
    }

    public string Link(string name, string target)
    {
        System.IO.File.CreateSymbolicLink(File(name), target);
        return File(name);
    }

    public async Task<string> MakeFifoAsync(string name)
    {
        using var mkfifo = Process.Start("mkfifo", [File(name)]);
        await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, mkfifo.ExitCode);
        return File(name);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
