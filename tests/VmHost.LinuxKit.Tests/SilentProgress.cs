namespace VmHost.LinuxKit.Tests;

internal sealed class SilentProgress : IBuildProgress
{
    public void Doing(string text)
    {
    }

    public void Note(string text)
    {
    }

    public void Pulled(PulledBlob blob)
    {
    }
}
