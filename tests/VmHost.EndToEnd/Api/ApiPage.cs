using System.Text;
using Google.Protobuf.Reflection;

namespace VmHost.EndToEnd.Api;

/// <summary>The page of a proto file, from its descriptor with comments: services with their methods, then messages and enums.</summary>
internal sealed class ApiPage
{
    // Numbers of the fields of descriptor.proto, of which the paths of comments consist.
    private const int MessageField = 4;
    private const int EnumField = 5;
    private const int ServiceField = 6;
    private const int MethodField = 2;
    private const int FieldField = 2;
    private const int ValueField = 2;

    private readonly FileDescriptorProto _file;
    private readonly Comments _comments;
    private readonly StringBuilder _text = new();

    private ApiPage(FileDescriptorProto file)
    {
        _file = file;
        _comments = new(file);
    }

    /// <summary>The name of the page's file, such as machine_service.md.</summary>
    internal static string NameOf(FileDescriptorProto file) => $"{Path.GetFileNameWithoutExtension(file.Name)}.md";

    /// <summary>The whole page.</summary>
    internal static string Render(FileDescriptorProto file)
    {
        var page = new ApiPage(file);
        page.Render();
        return page._text.ToString();
    }

    private void Render()
    {
        var title = _file.Service is [var only] ? only.Name : "Machines: messages and enums";
        Line($"# {title}");
        Line($"Generated from [{_file.Name}](../../proto/{_file.Name}) by `ApiPagesTests`; do not edit.");
        for (var i = 0; i < _file.Service.Count; i++)
            Service(_file.Service[i], i);
        for (var i = 0; i < _file.MessageType.Count; i++)
            Message(_file.MessageType[i], i);
        for (var i = 0; i < _file.EnumType.Count; i++)
            Enumeration(_file.EnumType[i], i);
    }

    private void Service(ServiceDescriptorProto service, int index)
    {
        Paragraphs(_comments.Of(ServiceField, index));
        for (var i = 0; i < service.Method.Count; i++)
        {
            var method = service.Method[i];
            Line($"## {method.Name}");
            Line($"`{(method.ClientStreaming ? "stream " : "")}{Short(method.InputType)}` → `{(method.ServerStreaming ? "stream " : "")}{Short(method.OutputType)}`");
            Paragraphs(_comments.Of(ServiceField, index, MethodField, i));
        }
    }

    private void Message(DescriptorProto message, int index)
    {
        // A map is a message to the compiler only.
        Line($"## {message.Name}");
        Paragraphs(_comments.Of(MessageField, index));
        if (message.Field.Count == 0)
        {
            Line("No fields.");
            return;
        }

        Line("| field | type | description |\n|---|---|---|", isLast: false);
        for (var i = 0; i < message.Field.Count; i++)
        {
            var field = message.Field[i];
            Line($"| `{field.Name}` | {TypeOf(field, message)} | {Cell(_comments.Of(MessageField, index, FieldField, i))} |", isLast: i == message.Field.Count - 1);
        }
    }

    private void Enumeration(EnumDescriptorProto enumeration, int index)
    {
        Line($"## {enumeration.Name}");
        Paragraphs(_comments.Of(EnumField, index));
        Line("| value | number | description |\n|---|---|---|", isLast: false);
        for (var i = 0; i < enumeration.Value.Count; i++)
            Line($"| `{enumeration.Value[i].Name}` | {enumeration.Value[i].Number} | {Cell(_comments.Of(EnumField, index, ValueField, i))} |", isLast: i == enumeration.Value.Count - 1);
    }

    private static string TypeOf(FieldDescriptorProto field, DescriptorProto message)
    {
        var name = field.TypeName.Length > 0 ? Short(field.TypeName) : field.Type.ToString().ToLowerInvariant();
        if (message.NestedType.FirstOrDefault(nested => nested.Name == name && nested.Options?.MapEntry == true) is { } map)
            return $"`map<{map.Field[0].Type.ToString().ToLowerInvariant()}, {map.Field[1].Type.ToString().ToLowerInvariant()}>`";

        var prefix = field switch
        {
            { Label: FieldDescriptorProto.Types.Label.Repeated } => "repeated ",
            { Proto3Optional: true } => "optional ",
            { HasOneofIndex: true } => $"oneof {message.OneofDecl[field.OneofIndex].Name}: ",
            _ => "",
        };
        return $"`{prefix}{name}`";
    }

    private static string Short(string type) => type.StartsWith(".vmhost.v1.", StringComparison.Ordinal) ? type[".vmhost.v1.".Length..] : type.TrimStart('.');

    private static string Cell(IReadOnlyList<string> paragraphs) => string.Join(' ', paragraphs).Replace("|", "\\|", StringComparison.Ordinal);

    private void Paragraphs(IReadOnlyList<string> paragraphs)
    {
        foreach (var paragraph in paragraphs)
            Line(paragraph);
    }

    private void Line(string text, bool isLast = true) => _text.Append(text).Append(isLast ? "\n\n" : "\n");
}
