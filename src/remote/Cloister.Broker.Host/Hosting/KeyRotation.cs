using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.Tokens;
using Cloister.KeyStores;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// <c>--make-root-key</c>, <c>--rotate KEY</c> and <c>--rotation-status</c>: acts on the database beside brokers that serve, by who has their configuration and root key
/// (docs/operations.md, "Rotate keys"). Whatever interrupts one, doing it again goes on. secrets: as the keys.
/// </summary>
internal static class KeyRotation
{
    /// <summary>Makes the new root key, where there is none.</summary>
    /// <returns>Where it is.</returns>
    /// <exception cref="BrokerConfigurationException">The configuration names none.</exception>
    /// <exception cref="KeyStoreException">It cannot be made.</exception>
    public static string MakeRootKey(BrokerConfiguration configuration)
    {
        RootKeyOptions next = NewRootKey(configuration);
        using IRootKey made = BrokerKeys.OpenRoot(next, mayMake: true);
        return $"root key {NameOf(next)} is there: every broker needs it as newRootKey before --rotate root";
    }

    /// <summary>Rotates a key.</summary>
    /// <param name="configuration">Of a broker.</param>
    /// <param name="key"><c>root</c>, <c>authority</c>, <c>leases</c> or <c>tokens</c>.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>What was done, and what is to be done now.</returns>
    /// <exception cref="BrokerConfigurationException">There is no such key, or the configuration does not name what follows.</exception>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    /// <exception cref="KeyStoreException">A root key or token does not answer, or is another one.</exception>
    public static async Task<string> RunAsync(BrokerConfiguration configuration, string key, TimeProvider clock, CancellationToken cancellation)
    {
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(configuration.Database), clock, cancellation);
        await using WrappedKeys keys = await BrokerKeys.OpenWrappedAsync(configuration, state, cancellation);
        if (await keys.IsEmptyAsync(cancellation))
        {
            throw new BrokerConfigurationException("the database has no keys yet: start a broker on it first");
        }

        AuthorityKeys authority = BrokerKeys.SourceOf(configuration, keys, state, clock);
        JsonObject details = new() { ["key"] = key };
        await state.AppendAsync(new AuditEvent("key.rotate", new JsonObject { ["key"] = key, ["result"] = "begun" }), cancellation);
        string told = key switch
        {
            "root" => await RootAsync(configuration, keys, details, cancellation),
            "authority" => await AuthorityAsync(configuration, authority, details, cancellation),
            "leases" => await UseAsync(authority, AuthorityKeys.LeaseUse, cancellation),
            "tokens" => await UseAsync(authority, AuthorityKeys.TokenUse, cancellation),
            _ => throw new BrokerConfigurationException($"there is no key {key} to rotate: root, authority, leases, tokens"),
        };
        details["result"] = "done";
        await state.AppendAsync(new AuditEvent("key.rotate", details), CancellationToken.None);
        return told;
    }

    /// <summary>Which keys there are, and whether a rotation of the root key is under way.</summary>
    /// <returns>A line for each key; the authority's certificates in PEM.</returns>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    /// <exception cref="KeyStoreException">A root key or token does not answer, or is another one.</exception>
    public static async Task<string> StatusAsync(BrokerConfiguration configuration, TimeProvider clock, CancellationToken cancellation)
    {
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(configuration.Database), clock, cancellation);
        await using WrappedKeys keys = await BrokerKeys.OpenWrappedAsync(configuration, state, cancellation);
        StringBuilder text = new();
        IReadOnlyList<RootKeyStatus> roots = await keys.StatusAsync(cancellation);
        foreach (RootKeyStatus root in roots)
        {
            string held = root.IsHere ? "" : ", NOT IN THIS CONFIGURATION";
            text.AppendLine(CultureInfo.InvariantCulture, $"root {root.Number}: {(root.IsCurrent ? "current" : "being replaced")}, wraps {root.Keys} keys{held}");
        }

        text.AppendLine(roots.Count == 1 ? "no rotation of the root key is under way" : "A ROTATION OF THE ROOT KEY IS UNDER WAY: --rotate root goes on with it");
        if (!await keys.IsEmptyAsync(cancellation))
        {
            using BrokerAuthority authority = new(await BrokerKeys.SourceOf(configuration, keys, state, clock).OpenAsync(cancellation));
            text.AppendLine(CultureInfo.InvariantCulture, $"authority {authority.Id}: pin {authority.Pin}, key {authority.Keys.Certificates.Count}");
            text.AppendLine(CultureInfo.InvariantCulture, $"leases: key {authority.Keys.Leases.KeyId}");
            text.AppendLine(CultureInfo.InvariantCulture, $"tokens: key {string.Join(", before it ", authority.Keys.Tokens.Select(one => one.KeyId))}");
            text.AppendJoin('\n', authority.Keys.Certificates.Select(one => PemEncoding.WriteString("CERTIFICATE", one)));
        }

        return text.ToString().TrimEnd();
    }

    private static async Task<string> RootAsync(BrokerConfiguration configuration, WrappedKeys keys, JsonObject details, CancellationToken cancellation)
    {
        RootKeyOptions next = NewRootKey(configuration);
        using IRootKey root = BrokerKeys.OpenRoot(next, mayMake: false);
        long count = await new RootKeyRotation(keys, root).RunAsync(cancellation);
        (details["to"], details["keys"]) = (NameOf(next), count);
        return $"wrapped {count} keys by {NameOf(next)}, the one root key now: name it as rootKey of every broker, take newRootKey away, destroy the old one";
    }

    private static async Task<string> AuthorityAsync(BrokerConfiguration configuration, AuthorityKeys keys, JsonObject details, CancellationToken cancellation)
    {
        AuthorityKeyOptions? next = configuration.NewAuthorityKey;
        using BrokerAuthority authority = new(await keys.RotateAuthorityAsync(next is null ? null : AuthorityKeys.OfToken(next.Token, next.Label), cancellation));
        details["pin"] = authority.Pin;
        return $"authority {authority.Id} pin {authority.Pin}: enclaves that pin the one before go on; pin the new one beside it. Keep the recovery shares of the first key";
    }

    private static async Task<string> UseAsync(AuthorityKeys keys, string use, CancellationToken cancellation)
    {
        await keys.RotateAsync(use, cancellation);
        return $"a new {use} is there: brokers take it up within seconds";
    }

    private static RootKeyOptions NewRootKey(BrokerConfiguration configuration) =>
        configuration.NewRootKey ?? throw new BrokerConfigurationException("newRootKey: the configuration names no root key that is to follow");

    private static string NameOf(RootKeyOptions root) => root.File is { } file ? $"file {file}" : $"{root.Label} of token {root.Token!.TokenLabel}";
}
