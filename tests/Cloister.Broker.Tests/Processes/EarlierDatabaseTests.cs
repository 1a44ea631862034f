using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Revocations;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Databases that earlier brokers left, and what becomes of rows that nobody authenticated then.</summary>
public sealed class EarlierDatabaseTests
{
    private const string RootKey = "348c692ff233f898c06d05e6c590d97fee9bcd2af3167c7da3b1cc7d0d27da64";
    private const string Pin = "sha256:fIHliuP+dKACfpMf8C6KEH8cfizwdfqzE8y5UBWOKWE=";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_of_schema_7_are_taken_over_at_the_first_start_and_never_again()
    {
        using BrokerFolder folder = new();
        await WriteAsync(folder, await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Processes/Databases/schema-007.sql"), Cancellation));
        await File.WriteAllBytesAsync(folder.RootKeyFile, Convert.FromHexString(RootKey), Cancellation);
        File.SetUnixFileMode(folder.RootKeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);

        await using (BrokerProcess broker = await folder.StartAsync())
        {
            Assert.Equal(Pin, broker.Pin);
            Assert.Contains("are authenticated from now on, as they are", broker.Errors, StringComparison.Ordinal);
            await using OtherBroker admin = await folder.OpenAsync(broker);
            Kek kek = (await admin.State.FindKekAsync("main", Cancellation))!;
            Assert.Equal(("production", 2), (kek.Record.Policy, kek.ActiveAt(DateTimeOffset.UtcNow.AddYears(100))!.Version));
            Assert.Equal(2, (await admin.State.FindPolicyAsync("production", Cancellation))!.Version);
            Assert.Equal((RevocationKind.Platform, "stolen"), (await admin.State.ListRevocationsAsync(Cancellation)).Select(one => (one.Kind, one.Reason)).Single());
            Assert.NotNull(await admin.State.FindRequestAsync(new string('a', 32), Cancellation));
            Assert.Equal(0, await admin.State.CheckRowsAsync(Cancellation));
            await admin.RotateAsync("main");
            Assert.Single(await admin.AuditAsync(), entry => entry.Kind == "rows.adopted");
        }

        await using (BrokerProcess again = await folder.StartAsync())
        {
            Assert.DoesNotContain("from now on, as they are", again.Errors, StringComparison.Ordinal);
            await using OtherBroker admin = await folder.OpenAsync(again);
            Assert.Equal(3, (await admin.State.FindKekAsync("main", Cancellation))!.Versions.Count);
            Assert.Single(await admin.AuditAsync(), entry => entry.Kind == "rows.adopted");
        }

        await WriteAsync(folder, "DELETE FROM RowChanges");
        (int exitCode, _, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration());
        Assert.Equal(1, exitCode);
        Assert.Contains("table RowChanges is empty", errors, StringComparison.Ordinal);
        Assert.Contains("--accept-rows", errors, StringComparison.Ordinal);
        await WriteAsync(folder, "DELETE FROM wrapped_keys WHERE name LIKE 'row-key%'");
        Assert.Contains("the key that authenticates the database's rows was removed", (await BrokerProcess.RunAsync(folder.WriteConfiguration())).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broker_serves_what_is_authentic_beside_what_is_not_and_an_operator_accepts_the_rest()
    {
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await using (BrokerProcess before = await folder.StartAsync())
        {
            await using OtherBroker admin = await folder.OpenAsync(before);
            await admin.MakeKekAsync("good", enclave.Policy());
            await admin.MakeKekAsync("bad", enclave.Policy());
        }

        await WriteAsync(folder, "UPDATE Keks SET Policy = 'good' WHERE Name = 'bad'");
        await using (BrokerProcess broker = await folder.StartAsync($"stateDirectory: {folder.Folder}/state"))
        {
            using KbsClient client = new(broker.Url, broker.Pin);
            KbsAnswer refused = await client.LeaseAsync(enclave, "bad");
            Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, refused.Status);
            Assert.Contains("not authentic", refused.Body, StringComparison.Ordinal);
            Assert.Equal(System.Net.HttpStatusCode.OK, (await client.LeaseAsync(enclave, "good")).Status);
            Assert.Contains("NOT AUTHENTIC", broker.Errors, StringComparison.Ordinal);
            Assert.Contains("table Keks, row bad, was changed", broker.Errors, StringComparison.Ordinal);
            Assert.Contains("cloister_broker_row_change", (await client.GetAsync("/metrics")).Body, StringComparison.Ordinal);
        }

        string shown = await AcceptAsync(folder, 0);
        Assert.Contains("table Keks, row bad, was changed", shown, StringComparison.Ordinal);
        Assert.Contains("another way by now", await AcceptAsync(folder, 1, new string('0', 64)), StringComparison.Ordinal);
        Assert.Contains("accepted", await AcceptAsync(folder, 0, shown.Trim().Split(' ')[^1]), StringComparison.Ordinal);
        Assert.Contains("is as brokers left it", await AcceptAsync(folder, 0), StringComparison.Ordinal);
        await using BrokerProcess after = await folder.StartAsync($"stateDirectory: {folder.Folder}/state");
        using KbsClient again = new(after.Url, after.Pin);
        Assert.Equal(System.Net.HttpStatusCode.OK, (await again.LeaseAsync(enclave, "bad")).Status);
    }

    private static async Task<string> AcceptAsync(BrokerFolder folder, int expected, params string[] digest)
    {
        (int exitCode, string output, string errors) = await BrokerProcess.RunAsync(folder.WriteConfiguration($"stateDirectory: {folder.Folder}/state"), ["--accept-rows", .. digest]);
        Assert.True(exitCode == expected, output + errors);
        return output + errors;
    }

    private static async Task WriteAsync(BrokerFolder folder, string sql)
    {
        await using SqliteConnection database = new($"Data Source={folder.Database["sqlite:".Length..]};Pooling=False;Foreign Keys=False");
        await database.ExecuteAsync(sql);
    }
}
