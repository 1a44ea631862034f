using System.Text.Json.Nodes;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.KeyStores;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// <c>--make-root-key</c> and <c>--rotate-root</c>: from <c>rootKey</c> to <c>newRootKey</c> of the configuration, beside brokers that serve with both
/// (docs/operations.md, "Rotate the root key"). secrets: as the root keys.
/// </summary>
internal static class RootRotation
{
    /// <summary>Makes the new root key, where there is none.</summary>
    /// <returns><c>made WHERE</c>.</returns>
    /// <exception cref="BrokerConfigurationException">The configuration names none.</exception>
    /// <exception cref="KeyStoreException">It cannot be made.</exception>
    public static string Make(BrokerConfiguration configuration)
    {
        RootKeyOptions next = Next(configuration);
        using IRootKey made = BrokerKeys.OpenRoot(next, mayMake: true);
        return $"root key {NameOf(next)} is there: take it to every broker before --rotate-root";
    }

    /// <summary>Wraps everything by the new root key. When it is interrupted, doing it again goes on.</summary>
    /// <returns><c>rotated N keys ...</c>.</returns>
    /// <exception cref="BrokerConfigurationException">The configuration names no new root key.</exception>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    /// <exception cref="KeyStoreException">A root key does not answer, or is another one.</exception>
    public static async Task<string> RunAsync(BrokerConfiguration configuration, TimeProvider clock, CancellationToken cancellation)
    {
        RootKeyOptions next = Next(configuration);
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(configuration.Database), clock, cancellation);
        await using WrappedKeys keys = await BrokerKeys.OpenWrappedAsync(configuration, state, cancellation);
        using IRootKey root = BrokerKeys.OpenRoot(next, mayMake: false);
        await state.AppendAsync(Entry(next, "begun", 0), cancellation);
        long count = await new RootKeyRotation(keys, root).RunAsync(cancellation);
        await state.AppendAsync(Entry(next, "done", count), CancellationToken.None);
        return $"rotated {count} keys to {NameOf(next)}, which is the root key alone now: name it as rootKey of every broker, take newRootKey away, and destroy the old one";
    }

    private static AuditEvent Entry(RootKeyOptions next, string result, long count) =>
        new("rootKey.rotate", new JsonObject { ["to"] = NameOf(next), ["result"] = result, ["keys"] = count });

    private static RootKeyOptions Next(BrokerConfiguration configuration) =>
        configuration.NewRootKey ?? throw new BrokerConfigurationException("newRootKey: the configuration names no root key that is to follow");

    private static string NameOf(RootKeyOptions root) => root.File is { } file ? $"file {file}" : $"{root.Label} of token {root.Token!.TokenLabel}";
}
