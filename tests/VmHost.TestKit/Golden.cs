namespace VmHost.TestKit;

/// <summary>
/// Compares with a recorded file, one argument a line: the difference of the file is the review of a change.
/// VMHOST_UPDATE_GOLDEN=1 records anew.
/// </summary>
public static class Golden
{
    public static void Matches(string name, IEnumerable<string> arguments)
    {
        var path = Path.Combine(Repository.Root, "tests", "golden", name);
        var actual = string.Concat(arguments.Select(argument => argument + "\n"));
        if (Environment.GetEnvironmentVariable("VMHOST_UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        var expected = File.ReadAllText(path);
        if (expected != actual)
            throw new InvalidOperationException($"{path} differs; got:\n{actual}");
    }
}
