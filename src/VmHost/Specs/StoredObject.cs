using System.Text.Json;
using System.Text.Json.Serialization;

namespace VmHost.Specs;

/// <summary>
/// An object in <c>machine.json</c>. Members that this version does not know, of a newer one, are kept when it is written
/// again, so that they survive a downgrade. They do not count when two objects are compared.
/// </summary>
public abstract record StoredObject
{
    /// <summary>The members that this version does not know; null for none.</summary>
    // Not init: the generated reader could not set it then.
    [JsonExtensionData]
    [JsonInclude]
    public IDictionary<string, JsonElement>? UnknownMembers { get; internal set; }

    /// <inheritdoc/>
    public virtual bool Equals(StoredObject? other) => other is not null && EqualityContract == other.EqualityContract;

    /// <inheritdoc/>
    public override int GetHashCode() => EqualityContract.GetHashCode();
}
