using System.Text.Json.Serialization;

namespace VmHost.State;

/// <summary>machine.json is read by people too: indented, names as in the API.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    AllowDuplicateProperties = false,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(MachineRecord))]
internal sealed partial class StateJson : JsonSerializerContext;
