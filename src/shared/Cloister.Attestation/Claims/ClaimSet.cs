using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Cloister.Attestation.Claims;

/// <summary>Claims by name, in the order of the evidence. Names are the specification's, in snake_case: see <see cref="ClaimNames"/>.</summary>
public sealed class ClaimSet : IEnumerable<KeyValuePair<string, ClaimValue>>
{
    private readonly List<KeyValuePair<string, ClaimValue>> _claims = [];
    private readonly Dictionary<string, ClaimValue> _byName = new(StringComparer.Ordinal);

    /// <summary>How many claims there are.</summary>
    public int Count => _claims.Count;

    /// <summary>Adds bytes.</summary>
    public void Add(string name, ReadOnlyMemory<byte> bytes) => Add(name, new ClaimValue(bytes));

    /// <summary>Adds a number.</summary>
    public void Add(string name, ulong number) => Add(name, new ClaimValue(number));

    /// <summary>Adds a flag.</summary>
    public void Add(string name, bool flag) => Add(name, new ClaimValue(flag));

    /// <summary>Adds text.</summary>
    public void Add(string name, string text) => Add(name, new ClaimValue(text));

    /// <summary>The claim called <paramref name="name"/>; false when the evidence has none.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out ClaimValue? value) => _byName.TryGetValue(name, out value);

    /// <inheritdoc />
    public IEnumerator<KeyValuePair<string, ClaimValue>> GetEnumerator() => _claims.GetEnumerator();

    /// <inheritdoc />
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void Add(string name, ClaimValue value)
    {
        _byName.Add(name, value);
        _claims.Add(KeyValuePair.Create(name, value));
    }
}
