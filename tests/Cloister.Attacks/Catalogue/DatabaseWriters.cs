using System.Net;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attacks.Framework;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.KeyStores.RootKeys;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Cloister.Attacks.Catalogue;

/// <summary>
/// Somebody writes to the broker's database, with an enclave of his own on genuine hardware, and without the root key. The control: the same rows, once
/// an operator has accepted them (<c>--accept-rows</c>) as if a broker had made them.
/// </summary>
internal abstract class DatabaseWriterAttack(string name, string has, string how) : Attack(name, Attacker.DatabaseWriter, has, Promise.Protected, how)
{
    protected static readonly string Nobody = new('a', 64);

    public override async Task<Outcome> RunAsync(Ground ground) => new(await OneAsync(ground, isAccepted: false), await OneAsync(ground, isAccepted: true));

    /// <summary>What is in the database, made by a broker: a KEK <c>secrets</c>, which his enclave does not get.</summary>
    protected abstract Task PrepareAsync(OtherBroker broker, SimulatedEnclave own);

    /// <summary>What he writes.</summary>
    protected abstract string Sql(SimulatedEnclave own);

    private async Task<Trial> OneAsync(Ground ground, bool isAccepted)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        using SimulatedEnclave own = new(TimeProvider.System);
        await using (BrokerProcess before = await folder.StartAsync())
        {
            await using OtherBroker admin = await folder.OpenAsync(before);
            await PrepareAsync(admin, own);
            (HttpStatusCode status, string said) = await LeaseAsync(before, own);
            if (status == HttpStatusCode.OK)
            {
                throw new InvalidOperationException($"his enclave gets the KEK without the attack: {said}");
            }
        }

        await WriteAsync(folder, Sql(own));
        if (isAccepted)
        {
            await OtherBroker.AcceptRowsAsync(folder.Database, FileRootKey.Open(folder.RootKeyFile));
        }

        BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
        (HttpStatusCode answered, string detail) = await LeaseAsync(broker, own);
        return answered == HttpStatusCode.OK ? Trial.Success("his enclave gets the KEK") : Trial.Refused($"{(int)answered} {detail}");
    }

    internal static async Task WriteAsync(BrokerFolder folder, string sql)
    {
        await using SqliteConnection database = new($"Data Source={folder.Database["sqlite:".Length..]};Pooling=False");
        if (await database.ExecuteAsync(sql) == 0)
        {
            throw new InvalidOperationException("nothing was written");
        }
    }

    internal static async Task<(HttpStatusCode Status, string Text)> LeaseAsync(BrokerProcess broker, SimulatedEnclave enclave)
    {
        using KbsClient client = new(broker.Url, broker.Pin);
        KbsAnswer answer = await client.LeaseAsync(enclave, "secrets");
        return (answer.Status, answer.Body);
    }

    protected static string InsertPolicy(string name, int version, string yaml) =>
        $"INSERT INTO Policies (Name, Version, Yaml, Digest, UpdatedAt, UpdatedBy) VALUES ('{name}', {version}, '{yaml.Replace("'", "''", StringComparison.Ordinal)}', 'd', 1, 'alice')";
}

internal sealed class PolicyRow() : DatabaseWriterAttack(
    "policy-row-inserted", "writes a newer version of a policy into the broker's database, which accepts his enclave",
    "rows that decide are authenticated by a key that the root key wraps")
{
    protected override Task PrepareAsync(OtherBroker broker, SimulatedEnclave own) => broker.MakeKekAsync("secrets", own.Policy(Nobody));

    protected override string Sql(SimulatedEnclave own) => InsertPolicy("secrets", 2, own.Policy());
}

internal sealed class KekPolicyRow() : DatabaseWriterAttack(
    "kek-row-with-another-policy", "puts another policy, which a broker has set for something else and which accepts his enclave, in charge of a KEK in the database",
    "a KEK's row is authenticated with all its columns and versions")
{
    protected override async Task PrepareAsync(OtherBroker broker, SimulatedEnclave own)
    {
        await broker.SetPolicyAsync("lax", own.Policy());
        await broker.MakeKekAsync("secrets", own.Policy(Nobody));
    }

    protected override string Sql(SimulatedEnclave own) => "UPDATE Keks SET Policy = 'lax' WHERE Name = 'secrets'";
}

internal sealed class OldPolicyRow() : DatabaseWriterAttack(
    "policy-row-of-before", "deletes the newest version of a policy in the database, so that the one before, which a broker did set, is the newest",
    "each row is bound to the last of the changes, which form a chain")
{
    protected override async Task PrepareAsync(OtherBroker broker, SimulatedEnclave own)
    {
        await broker.MakeKekAsync("secrets", own.Policy());
        await broker.SetPolicyAsync("secrets", own.Policy(Nobody));
    }

    protected override string Sql(SimulatedEnclave own) => "DELETE FROM Policies WHERE Name = 'secrets' AND Version = 2";
}

internal sealed class RevocationRow() : DatabaseWriterAttack(
    "revocation-row-deleted", "deletes a revocation from the database",
    "what is revoked is in the chain of changes: a row that is gone lifts nothing")
{
    protected override async Task PrepareAsync(OtherBroker broker, SimulatedEnclave own)
    {
        await broker.MakeKekAsync("secrets", own.Policy());
        await broker.RevokeAsync(RevocationKind.Kek, "secrets");
    }

    protected override string Sql(SimulatedEnclave own) => "DELETE FROM Revocations";
}

/// <summary>The key and the chain are removed with what he plants, so that the broker might begin anew.</summary>
internal sealed class RowsWithoutKey() : Attack(
    "row-key-and-changes-deleted", Attacker.DatabaseWriter, "deletes the wrapped key of the rows and the chain of their changes, and inserts a policy", Promise.Protected,
    "rows are taken for what they are once, before the authority's key gets the name that says so")
{
    public override async Task<Outcome> RunAsync(Ground ground) => new(await OneAsync(ground, isAccepted: false), await OneAsync(ground, isAccepted: true));

    // Taken for what they are: the database as it would be if that were done at every start.
    private static async Task<Trial> OneAsync(Ground ground, bool isAccepted)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        using SimulatedEnclave own = new(TimeProvider.System);
        await using (BrokerProcess before = await folder.StartAsync())
        {
            await using OtherBroker admin = await folder.OpenAsync(before);
            await admin.MakeKekAsync("secrets", own.Policy(new string('a', 64)));
        }

        string key = isAccepted ? "" : "DELETE FROM wrapped_keys WHERE name = 'row-key-1';";
        await DatabaseWriterAttack.WriteAsync(folder, $"DELETE FROM RowChanges; {key} UPDATE Policies SET Yaml = '{own.Policy().Replace("'", "''", StringComparison.Ordinal)}'");
        if (isAccepted)
        {
            await OtherBroker.AcceptRowsAsync(folder.Database, FileRootKey.Open(folder.RootKeyFile));
            BrokerProcess broker = await ground.AddAsync(folder.StartAsync());
            return (await DatabaseWriterAttack.LeaseAsync(broker, own)).Status == HttpStatusCode.OK ? Trial.Success("his enclave gets the KEK") : Trial.Refused("no KEK");
        }

        (int exitCode, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration());
        return exitCode == 0 ? Trial.Success("the broker starts") : Trial.Refused(errors);
    }
}

/// <summary>Alice is an administrator who writes to the database as well; bob is another one, who never asked for anything.</summary>
internal sealed class ForgedRequest() : Attack(
    "request-row-forged", Attacker.DatabaseWriter, "every role of one administrator, and a request in the database that says another one made it", Promise.Protected,
    "requests are authenticated rows: one that no broker wrote is not approved")
{
    public override async Task<Outcome> RunAsync(Ground ground) => new(await OneAsync(ground, isAccepted: false), await OneAsync(ground, isAccepted: true));

    private static async Task<Trial> OneAsync(Ground ground, bool isAccepted)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 bob = BrokerProcess.NewCertificate("bob");
        string admin = $$"""
            admin:
              listen: 127.0.0.1:0
              administrators: [ { name: alice, key: "{{BrokerProcess.PinOf(alice)}}", roles: [operator] }, { name: bob, key: "{{BrokerProcess.PinOf(bob)}}", roles: [operator] } ]
            """;
        using SimulatedEnclave own = new(TimeProvider.System);
        string forged = new('f', 32);
        await using (BrokerProcess before = await folder.StartAsync(admin))
        {
            await using OtherBroker other = await folder.OpenAsync(before);
            await other.MakeKekAsync("secrets", own.Policy(new string('a', 64)));
            using HttpClient first = AdministrationAttack.ClientOf(before, alice);
            (await InsiderAttack.SetPolicyAsync(first, own.Policy(), null, ground.Stop)).Dispose();
        }

        await DatabaseWriterAttack.WriteAsync(folder, $"INSERT INTO PendingActs SELECT '{forged}', Act, Parameters, 'bob', RequestedAt, ExpiresAt FROM PendingActs");
        if (isAccepted)
        {
            await OtherBroker.AcceptRowsAsync(folder.Database, FileRootKey.Open(folder.RootKeyFile));
        }

        BrokerProcess broker = await ground.AddAsync(folder.StartAsync(admin));
        using HttpClient client = AdministrationAttack.ClientOf(broker, alice);
        using HttpResponseMessage approved = await InsiderAttack.SetPolicyAsync(client, own.Policy(), forged, ground.Stop);
        return approved.IsSuccessStatusCode ? Trial.Success("in force") : Trial.Refused($"{(int)approved.StatusCode} {await approved.Content.ReadAsStringAsync(ground.Stop)}");
    }
}

/// <summary>The whole database as it was while the policy let his enclave in, put back before a start.</summary>
internal abstract class RowsPutBackAttack(string name, string has, Promise promise, string how) : Attack(name, Attacker.DatabaseWriter, has, promise, how)
{
    protected static async Task<Trial> TryAsync(Ground ground, bool hasStateDirectory)
    {
        BrokerFolder folder = ground.Add(new BrokerFolder());
        string more = hasStateDirectory ? $"stateDirectory: {folder.Folder}/state" : "";
        string file = folder.Database["sqlite:".Length..];
        using SimulatedEnclave own = new(TimeProvider.System);
        await using (BrokerProcess first = await folder.StartAsync(more))
        {
            await using OtherBroker admin = await folder.OpenAsync(first);
            await admin.MakeKekAsync("secrets", own.Policy());
        }

        File.Copy(file, file + ".copy");
        await using (BrokerProcess second = await folder.StartAsync(more))
        {
            await using OtherBroker admin = await folder.OpenAsync(second);
            await admin.SetPolicyAsync("secrets", own.Policy(new string('a', 64)));
            if ((await DatabaseWriterAttack.LeaseAsync(second, own)).Status == HttpStatusCode.OK)
            {
                throw new InvalidOperationException("the new policy is not in force");
            }
        }

        File.Move(file + ".copy", file, overwrite: true);
        if (hasStateDirectory)
        {
            (int exitCode, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration(more));
            return exitCode == 0 ? Trial.Success("the broker starts") : Trial.Refused(errors);
        }

        // What such a broker does not have: this one has it beside its root key's file.
        foreach (string head in Directory.GetFiles(Path.GetDirectoryName(folder.RootKeyFile)!, "audit-head-*"))
        {
            File.Delete(head);
        }

        BrokerProcess broker = await ground.AddAsync(folder.StartAsync(more));
        return (await DatabaseWriterAttack.LeaseAsync(broker, own)).Status == HttpStatusCode.OK ? Trial.Success("his enclave gets the KEK") : Trial.Refused("no KEK");
    }
}

internal sealed class RowsPutBack() : RowsPutBackAttack(
    "broker-database-put-back", "a copy of the whole database of before, and a start of the broker", Promise.Protected,
    "the broker keeps the number of the newest change that it has seen, and the head of the audit log, in its own state directory")
{
    public override async Task<Outcome> RunAsync(Ground ground) => new(await TryAsync(ground, hasStateDirectory: true), await TryAsync(ground, hasStateDirectory: false));
}

internal sealed class RowsPutBackUnnoticed() : RowsPutBackAttack(
    "broker-database-put-back-without-state-directory", "a copy of the whole database of before, and a start of a broker that remembers nothing outside of it", Promise.NotProtected,
    "policies and KEKs of then are in force: give every broker a state directory")
{
    public override async Task<Outcome> RunAsync(Ground ground) =>
        new(await TryAsync(ground, hasStateDirectory: false), Contrast: await TryAsync(ground, hasStateDirectory: true));
}
