using System.Text.Json.Nodes;
using Cloister.Contracts.Keys;
using Cloister.Contracts.SecretsV1;

namespace Cloister.Cli.Etcd;

/// <summary>The key_ids that writes use now: one for all values, or as an enclave says it, with those of namespaces.</summary>
internal sealed class CurrentKeyIds
{
    private readonly KekRules _rules;
    private readonly Dictionary<string, string> _named;

    private CurrentKeyIds(string keyId, KekRules rules, Dictionary<string, string> named)
    {
        Default = keyId;
        _rules = rules;
        _named = named;
    }

    /// <summary>Where no rule says otherwise.</summary>
    internal string Default { get; }

    /// <summary>One for all.</summary>
    internal static CurrentKeyIds One(string keyId) => new(keyId, KekRules.None, []);

    /// <summary>Those that an enclave's secrets service gives.</summary>
    /// <exception cref="CliException">Its rules are none that this program understands.</exception>
    internal static CurrentKeyIds Of(StatusResponse status)
    {
        try
        {
            return new(
                status.KeyId,
                new KekRules([.. status.NamespaceKeks.Select(rule => new KekRule([.. rule.Namespaces], rule.Kek))]),
                status.NamespaceKeks.DistinctBy(rule => rule.Kek).ToDictionary(rule => rule.Kek, rule => rule.KeyId));
        }
        catch (ArgumentException)
        {
            throw new CliException("the enclave's rules for KEKs of namespaces are not understood: check that this program is as new as the enclave");
        }
    }

    /// <summary>The key_id that writes of an etcd key use; empty when the KEK of its namespace is not in the enclave.</summary>
    internal string For(ReadOnlySpan<byte> etcdKey) => _rules.Find(etcdKey) is { } kek ? _named[kek] : Default;

    /// <summary>The key_id of a KEK that rules name; null when none does.</summary>
    internal string? OfKek(string kek) => _named.GetValueOrDefault(kek);

    internal JsonArray RulesJson() => new([.. _rules.Rules.Select(rule => (JsonNode)new JsonObject
    {
        ["namespaces"] = new JsonArray([.. rule.Namespaces.Select(name => (JsonNode)name)]),
        ["kek"] = rule.Kek,
        ["keyId"] = _named[rule.Kek],
    })]);
}
