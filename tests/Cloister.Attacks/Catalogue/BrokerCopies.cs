using Cloister.Attacks.Framework;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;
using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Attacks.Catalogue;

/// <summary>A copy of the broker's database, or a backup of it.</summary>
internal sealed class StolenBrokerDatabase() : Attack(
    "stolen-broker-database", Attacker.Thief, "the broker's database, without its root key", Promise.Protected, "KEKs are wrapped by the root key, which is not in the database")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        KekIdentity kek;
        await using (BrokerProcess broker = await folder.StartAsync())
        {
            await using OtherBroker admin = await folder.OpenAsync(broker);
            using SimulatedEnclave enclave = new(TimeProvider.System);
            await admin.MakeKekAsync("secrets", enclave.Policy());
            kek = new KekIdentity(broker.Authority, "secrets", 1, (await admin.State.FindKekAsync("secrets", ground.Stop))!.Versions[0].Generation);
        }

        string thiefs = ground.PathOf("broker.db");
        File.Copy(Path.Combine(folder.Folder, "broker.db"), thiefs);
        Trial control = await OpenAsync($"sqlite:{thiefs}", folder.RootKeyFile, kek);
        return new Outcome(await OpenAsync($"sqlite:{thiefs}", ground.PathOf("UNPROTECTED-guessed.key"), kek), control with { Detail = "with the root key the same copy gives the KEK" });
    }

    internal static async Task<Trial> OpenAsync(string database, string rootKey, KekIdentity kek)
    {
        try
        {
            await using DatabaseKeyStore store = await DatabaseKeyStore.OpenAsync(database, FileRootKey.Open(rootKey), CancellationToken.None);
            await store.ReleaseAsync(kek, new byte[32], CancellationToken.None);
            return Trial.Success("the KEK");
        }
        catch (KeyStoreException e)
        {
            return Trial.Refused(e.Message);
        }
    }
}

/// <summary>The root key of before, and the database of after it was rotated.</summary>
internal sealed class StolenOldRootKey() : Attack(
    "stolen-old-root-key", Attacker.Thief, "the root key that was rotated, and the broker's database after it", Promise.Protected,
    "everything is wrapped by the new root key, and the database holds nothing by the old one: not in a row, not in a page that was freed")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        string more = $"newRootKey: {{ file: {ground.PathOf("UNPROTECTED-next.key")} }}";
        await BrokerProcess.RunAsync(folder.WriteConfiguration(more), "--make-root-key");
        KekIdentity kek;
        await using (BrokerProcess broker = await folder.StartAsync())
        {
            await using OtherBroker admin = await folder.OpenAsync(broker);
            using SimulatedEnclave enclave = new(TimeProvider.System);
            await admin.MakeKekAsync("secrets", enclave.Policy());
            kek = new KekIdentity(broker.Authority, "secrets", 1, (await admin.State.FindKekAsync("secrets", ground.Stop))!.Versions[0].Generation);
        }

        string before = ground.PathOf("before.db");
        string after = ground.PathOf("after.db");
        File.Copy(Path.Combine(folder.Folder, "broker.db"), before);
        (int exit, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration(more), "--rotate", "root");
        if (exit != 0)
        {
            throw new InvalidOperationException(errors);
        }

        File.Copy(Path.Combine(folder.Folder, "broker.db"), after);
        Trial control = await StolenBrokerDatabase.OpenAsync($"sqlite:{before}", folder.RootKeyFile, kek);
        return new Outcome(
            await StolenBrokerDatabase.OpenAsync($"sqlite:{after}", folder.RootKeyFile, kek), control with { Detail = "with the database of before the old root key gives the KEK" });
    }
}
