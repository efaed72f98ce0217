using System.Text;
using System.Text.Json.Nodes;
using VmHost.LinuxKit.Bundles;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Assembly;

/// <summary>The YAML's <c>files</c>.</summary>
/// <param name="files">In order.</param>
/// <param name="ids">Numbers of containers' names.</param>
/// <param name="merged">For <c>metadata</c>.</param>
/// <param name="directory">What relative sources are relative to.</param>
/// <param name="home">What <c>~</c> stands for.</param>
internal sealed class ExtraFiles(IReadOnlyList<FilePart> files, IReadOnlyDictionary<string, int> ids, YamlValue merged, string directory, string home)
{
    // Of every Linux system, and open to all there: a daemon that is not root looks into them.
    private static readonly HashSet<string> SystemDirectories = new(StringComparer.Ordinal)
    {
        "bin", "dev", "etc", "home", "lib", "lib64", "mnt", "opt", "proc", "run", "sbin", "srv", "sys", "tmp", "usr", "usr/bin", "usr/lib", "usr/local", "usr/sbin", "usr/share", "var", "var/lib", "var/log",
    };

    /// <summary>What the files do that their writer may not mean: a sentence, once.</summary>
    internal IEnumerable<string> Notes()
    {
        var closed = files.SelectMany(file => EntryPath.Ancestors(file.Path).Select(directory => (Directory: directory, File: file)))
            .DistinctBy(pair => pair.Directory, StringComparer.Ordinal)
            .Where(pair => SystemDirectories.Contains(pair.Directory) && !files.Any(file => file.Kind == FileKind.Directory && file.Path == pair.Directory) && (FileModes.ToReach(pair.File.Mode) & FileModes.Directory) != FileModes.Directory)
            .ToList();
        if (closed is [var (_, first), ..])
        {
            var directories = string.Join(", ", closed.Select(pair => $"/{pair.Directory} {System.Convert.ToString(FileModes.ToReach(pair.File.Mode), 8).PadLeft(4, '0')}"));
            yield return $"{first.Place}: files make directories less open than images have them, as LinuxKit does: {directories}; with mode: \"0644\" they stay as open as usual";
        }
    }

    /// <summary>All that can be found wrong without writing anything.</summary>
    internal IEnumerable<string> Faults()
    {
        foreach (var file in files)
        {
            foreach (var owner in new[] { file.Uid, file.Gid }.Where(owner => ContainerIds.Resolve(owner, ids) is null))
                yield return $"{file.Place}: cannot find id: {owner}";
            if (file.Kind == FileKind.Source && !file.IsOptional && !File.Exists(SourceOf(file)))
                yield return $"{file.Place}: the source {SourceOf(file)} of {file.Path} is not there, or no file (relative to the current directory; optional: true leaves it out)";
        }
    }

    /// <summary>Leading directories get the file's owner, and its mode with the right to enter: also those that images have.</summary>
    internal IEnumerable<Entry> Entries(Action<string> tell)
    {
        var made = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < files.Count; i++)
        {
            var file = files[i];
            tell($"  {file.Path}");
            var (uid, gid, location) = (ContainerIds.Resolve(file.Uid, ids) ?? 0, ContainerIds.Resolve(file.Gid, ids) ?? 0, $"files[{i}]");
            using var source = file.Kind == FileKind.Source ? Open(file) : null;
            if (file.Kind == FileKind.Source && source is null)
                continue;

            foreach (var parent in EntryPath.Ancestors(file.Path).Where(made.Add))
                yield return Entry.Directory(parent, FileModes.ToReach(file.Mode)) with { Uid = uid, Gid = gid, Location = location };
            made.Add(file.Path);
            yield return Content(file, source) with { Uid = uid, Gid = gid, Location = location };
        }
    }

    private Entry Content(FilePart file, FileStream? source) =>
        file.Kind switch
        {
            FileKind.Directory => Entry.Directory(file.Path, file.Mode),
            FileKind.Symlink => Entry.Symlink(file.Path, file.Text, file.Mode),
            FileKind.Source => Entry.File(file.Path, default, file.Mode) with { Size = source!.Length, Content = source, Origin = source.Name },
            FileKind.Metadata => Entry.File(file.Path, Metadata(), file.Mode),
            _ => Entry.File(file.Path, Encoding.UTF8.GetBytes(file.Text), file.Mode),
        };

    private FileStream? Open(FilePart file)
    {
        try
        {
            return new FileStream(SourceOf(file), FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException && file.IsOptional)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LinuxKitException($"{file.Place}: the source of {file.Path} cannot be read: {e.Message}", e);
        }
    }

    private string SourceOf(FilePart file) => file.SourcePath(directory, home);

    // JSON is YAML too.
    private byte[] Metadata() => GoJson.Write(Json(merged));

    private static JsonNode Json(YamlValue value) =>
        value.Kind switch
        {
            YamlKind.Map => new JsonObject(value.Members.Select(member => KeyValuePair.Create(member.Key, (JsonNode?)Json(member.Value)))),
            YamlKind.List => new JsonArray([.. value.Items.Select(Json)]),
            YamlKind.Boolean => JsonValue.Create(value.IsTrue),
            YamlKind.Integer => JsonValue.Create(value.Integer),
            _ => JsonValue.Create(value.Text),
        };
}
