using System.Text;

namespace Cloister.Contracts.Keys;

/// <summary>
/// KEKs by namespace: the first rule with the namespace of an etcd key says which; without one it is the default KEK. It decides what writes
/// use; reads go by the key_id that is stored with a value. Immutable.
/// </summary>
public sealed class KekRules
{
    private readonly List<(byte[] Text, bool Prefix, string Kek)> _patterns = [];

    /// <summary>Rules in the order in which they are tried.</summary>
    /// <exception cref="ArgumentException">A rule without namespaces, with one that is no name, or with a KEK that is no name.</exception>
    public KekRules(IReadOnlyList<KekRule> rules)
    {
        foreach (KekRule rule in rules)
        {
            if (rule.Namespaces.Count == 0 || !rule.Namespaces.All(KekRule.IsNamespacePattern) || !KekIdentity.IsValidName(rule.Kek))
            {
                throw new ArgumentException("a rule has namespaces and the name of a KEK", nameof(rules));
            }

            foreach (string text in rule.Namespaces)
            {
                _patterns.Add((Encoding.ASCII.GetBytes(text.TrimEnd('*')), text.EndsWith('*'), rule.Kek));
            }
        }

        Rules = rules;
        Keks = [.. rules.Select(rule => rule.Kek).Distinct()];
    }

    /// <summary>No rules: one KEK for everything.</summary>
    public static KekRules None { get; } = new([]);

    /// <summary>The rules.</summary>
    public IReadOnlyList<KekRule> Rules { get; }

    /// <summary>Names of the KEKs that rules name, each once.</summary>
    public IReadOnlyList<string> Keks { get; }

    /// <summary>Name of the KEK that a value is to be under; null for the default KEK.</summary>
    /// <param name="etcdKey">Its etcd key, such as <c>/registry/secrets/NAMESPACE/NAME</c>.</param>
    public string? Find(ReadOnlySpan<byte> etcdKey)
    {
        ReadOnlySpan<byte> name = NamespaceOf(etcdKey);
        if (!name.IsEmpty)
        {
            foreach ((byte[] text, bool prefix, string kek) in _patterns)
            {
                if (prefix ? name.StartsWith(text) : name.SequenceEqual(text))
                {
                    return kek;
                }
            }
        }

        return null;
    }

    /// <summary>The namespace in <c>/registry/RESOURCE/NAMESPACE/NAME</c>: the part before the last, when there are at least four. Else empty.</summary>
    public static ReadOnlySpan<byte> NamespaceOf(ReadOnlySpan<byte> etcdKey)
    {
        int last = etcdKey.LastIndexOf((byte)'/');
        ReadOnlySpan<byte> parent = last < 0 ? default : etcdKey[..last];
        return parent.Count((byte)'/') >= 3 ? parent[(parent.LastIndexOf((byte)'/') + 1)..] : default;
    }
}
