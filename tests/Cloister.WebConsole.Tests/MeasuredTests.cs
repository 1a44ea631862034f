using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cloister.Audit;
using Cloister.Broker.Administration.Tests.Http;
using Cloister.Broker.State.Leases;
using Microsoft.Data.Sqlite;

namespace Cloister.WebConsole.Tests;

/// <summary>How long pages take on a large database: printed, not asserted. docs/console.md has what it was.</summary>
public sealed class MeasuredTests
{
    private const int Leases = 10_000;
    private const int Entries = 1_000_000;
    private const int Times = 9;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Times_to_the_first_byte()
    {
        await using AdministrationServer server = await AdministrationServer.StartAsync();
        await Fleets.FillAsync(server, others: 0);
        using SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == "CN=cloister-broker";
        handler.SslOptions.ClientCertificates = [server.CertificateOf("alice")];
        using HttpClient http = new(handler) { BaseAddress = server.Address };
        await http.GetStringAsync("/console/", Cancellation);
        await FillAsync(server);
        foreach (string path in (string[])["/", "/fleet", "/fleet?skip=9950", "/fleet?begins=instance-7", "/keys", $"/keys/{Fleets.Kek}", "/policies", "/forecast", "/audit", "/audit?before=500000", "/audit?kind=kek.create", "/audit?has=nowhere", "/calendar"])
        {
            List<double> taken = [];
            string text = "";
            for (int i = 0; i <= Times; i++)
            {
                long start = Stopwatch.GetTimestamp();
                using HttpResponseMessage answer = await http.GetAsync("/console" + path, HttpCompletionOption.ResponseHeadersRead, Cancellation);
                taken.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                text = await answer.Content.ReadAsStringAsync(Cancellation);
                Assert.True(answer.IsSuccessStatusCode, text);
            }

            double[] warm = [.. taken.Skip(1).Order()];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| `{path}` | {warm[Times / 2]:0} ms | {warm[^1]:0} ms | {Encoding.UTF8.GetByteCount(text) / 1024} KiB |"));
            Assert.Contains(path == "/fleet" ? "of 10,001" : "</html>", text, StringComparison.Ordinal);
        }
    }

    // Leases as brokers grant them; entries past the broker, with the hashes that they should have.
    private static async Task FillAsync(AdministrationServer server)
    {
        DateTimeOffset now = server.Broker.Time.GetUtcNow();
        await Task.WhenAll(Enumerable.Range(0, Leases).Select(i => server.Broker.State.GrantLeaseAsync(
            new LeaseGrant(new LeaseRecord(
                i.ToString("x32", CultureInfo.InvariantCulture), $"instance-{i}", $"cluster-{i % 20}", "tee", Fleets.Kek, "sgx", new string('b', 64), $"platform-{i % 500}", new string('c', 96),
                "simulated", now, now.AddSeconds(i % 3600), now.AddHours(2), 3, 100, 1000)),
            Cancellation)));
        AuditEntry last = (await server.Broker.AuditAsync())[^1];
        using SqliteConnection connection = new($"Data Source={server.Broker.DatabaseFile};Pooling=False");
        connection.Open();
        using SqliteTransaction transaction = connection.BeginTransaction();
        using SqliteCommand insert = connection.CreateCommand();
        insert.CommandText = "INSERT INTO AuditEntries (Seq, LoggedAt, Kind, Details, Previous, Hash) VALUES ($seq, $time, $kind, $details, $previous, $hash)";
        SqliteParameter[] parameters = [.. ((string[])["$seq", "$time", "$kind", "$details", "$previous", "$hash"]).Select(name => insert.Parameters.AddWithValue(name, 0))];
        byte[] previous = last.Hash;
        for (long seq = last.Seq + 1; seq <= Entries; seq++)
        {
            string kind = (seq % 3) switch { 0 => "challenge.used", 1 => "evidence.accepted", _ => "lease.renewed" };
            string details = $$"""{"lease":"{{seq:x32}}","instance":"instance-{{seq % Leases}}","cluster":"cluster-{{seq % 20}}","kek":"payments","policy":"simulated","until":{{seq + 1_700_000_000_000}}}""";
            byte[] hash = AuditEncoding.Hash(seq, seq + 1_700_000_000_000, kind, details, previous);
            object[] values = [seq, seq + 1_700_000_000_000, kind, details, previous, hash];
            for (int i = 0; i < values.Length; i++)
            {
                parameters[i].Value = values[i];
            }

            insert.ExecuteNonQuery();
            previous = hash;
        }

        transaction.Commit();
    }
}
