using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.KeyStores.Tests.Stores;

namespace Cloister.Broker.Tests.Processes;

/// <summary>What a broker does for its audit log outside of the database (docs/audit-log.md).</summary>
public sealed class AuditLogTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AnOldDatabaseThatIsPutBackIsRefusedUntilAnOperatorAcceptsIt()
    {
        using BrokerFolder folder = new();
        string old = Path.Combine(folder.Folder, "old.db");
        await using (BrokerProcess first = await folder.StartAsync())
        {
        }

        folder.CopyDatabase(old);
        await using (BrokerProcess second = await folder.StartAsync())
        {
        }

        folder.PutDatabaseBack(old);
        string configuration = folder.WriteConfiguration();
        (int code, _, string errors) = await BrokerProcess.RunAsync(configuration);
        Assert.Equal(1, code);
        Assert.Contains("it went back", errors, StringComparison.Ordinal);
        Assert.Contains("When a broker refuses the log", errors, StringComparison.Ordinal);

        (code, string said, errors) = await BrokerProcess.RunAsync(configuration, "--accept-audit-log");
        Assert.True(code == 0, errors);
        Assert.StartsWith("accepted audit log cloister.dev/audit/", said, StringComparison.Ordinal);
        await using BrokerProcess third = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(third);
        AuditEntry accepted = Assert.Single(await admin.AuditAsync(), entry => entry.Kind == "audit.accepted");
        JsonNode details = JsonNode.Parse(accepted.Details)!;
        Assert.True(details["rememberedSize"]!.GetValue<long>() > details["size"]!.GetValue<long>());
        Assert.Equal(0, await third.StopAsync());
        AuditCheckpoint newest = (await admin.State.ListCheckpointsAsync(Cancellation))[^1];
        Assert.Equal(said.Split(' ')[3].TrimEnd(','), newest.Origin);
    }

    [Theory]
    [InlineData("DELETE FROM AuditEntries WHERE Seq > 1")]
    [InlineData("UPDATE AuditEntries SET Hash = Previous WHERE Seq = (SELECT MAX(Seq) FROM AuditEntries)")]
    public async Task ARunningBrokerRefusesALogThatWasChanged(string change)
    {
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        folder.WriteDatabase(change);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await broker.Client.LeaseAsync(enclave, kek, lease.Terms.Lease)).Status);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await broker.Client.GetAsync("/healthz")).Status);
        Assert.Equal(HttpStatusCode.OK, (await broker.Client.GetAsync("/livez")).Status); // to start it again would mend nothing
        Assert.Contains("does not go on from what this broker has seen of it", broker.Process.Errors, StringComparison.Ordinal);
        int before = (await broker.Admin.State.ListCheckpointsAsync(Cancellation)).Count;
        Assert.Equal(0, await broker.Process.StopAsync());
        Assert.Equal(before, (await broker.Admin.State.ListCheckpointsAsync(Cancellation)).Count); // the one of the end is not signed
    }

    [Fact]
    public async Task AStartIsAuditedWithTheDigestOfTheConfiguration()
    {
        using BrokerFolder folder = new();
        await using BrokerProcess broker = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(broker);
        JsonNode details = JsonNode.Parse(Assert.Single(await admin.AuditAsync(), entry => entry.Kind == "broker.started").Details)!;
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(folder.Folder, "broker.yaml"), Cancellation))), details["configuration"]!.GetValue<string>());
        Assert.Equal($"cloister.dev/audit/{broker.Authority}", details["origin"]!.GetValue<string>());
    }

    [Fact]
    public async Task LeasesOfTwoBrokersSayHowFarTheLogIs()
    {
        using BrokerFolder folder = new(database: $"postgres:{(await PostgresServer.SharedAsync()).NewDatabase()}");
        using SimulatedEnclave enclave = new(TimeProvider.System);
        (string first, string second) = (Directory.CreateDirectory(Path.Combine(folder.Folder, "one")).FullName, Directory.CreateDirectory(Path.Combine(folder.Folder, "two")).FullName);
        await using BrokerProcess one = await folder.StartAsync($"audit: {{ directory: {first} }}");
        await using BrokerProcess two = await folder.StartAsync($"audit: {{ directory: {second} }}");
        await using OtherBroker admin = await folder.OpenAsync(one);
        await admin.MakeKekAsync("secrets", enclave.Policy());
        using KbsClient atOne = new(one.Url, one.Pin);
        using KbsClient atTwo = new(two.Url, two.Pin);
        long size = 0;
        for (int i = 0; i < 6; i++)
        {
            ReceivedLease lease = ReceivedLease.Read(await (i % 2 == 0 ? atOne : atTwo).LeaseAsync(enclave, "secrets"), enclave, one.Pin);
            Assert.True(lease.Terms.Audit!.Size > size);
            size = lease.Terms.Audit.Size;
        }

        Assert.Equal((0, 0), (await one.StopAsync(), await two.StopAsync()));
        Assert.Single(Directory.GetFiles(first));
        Assert.Single(Directory.GetFiles(second));
        await (await folder.StartAsync($"audit: {{ directory: {first} }}")).DisposeAsync();
        await (await folder.StartAsync($"audit: {{ directory: {second} }}")).DisposeAsync();
    }

    [Fact]
    public async Task CheckpointsGoOutsideAndAWitnessCosignsThem()
    {
        using BrokerFolder folder = new();
        await using (BrokerProcess first = await folder.StartAsync())
        {
        }

        NoteKey key = await KeyAsync(folder);
        using TestWitness witness = new(key, FreePort()) { Failures = 2 };
        using UdpClient udp = new(new IPEndPoint(IPAddress.Loopback, 0));
        using TcpListener tcp = new(IPAddress.Loopback, 0);
        tcp.Start();
        using Socket unix = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        string socket = Path.Combine(folder.Folder, "log.sock"), file = Path.Combine(folder.Folder, "checkpoints.jsonl"), token = Path.Combine(folder.Folder, "token");
        unix.Bind(new UnixDomainSocketEndPoint(socket));
        await File.WriteAllTextAsync(token, "sesame\n", Cancellation);
        string configuration = $$"""
            audit:
              checkpoints:
                - { file: {{file}} }
                - { syslog: "udp://127.0.0.1:{{((IPEndPoint)udp.Client.LocalEndPoint!).Port}}" }
                - { syslog: "tcp://127.0.0.1:{{((IPEndPoint)tcp.LocalEndpoint).Port}}" }
                - { syslog: "unix:{{socket}}" }
                - { webhook: "{{witness.Url}}hook", tokenFile: {{token}} }
              witnesses:
                - { url: "{{witness.Url}}", key: "{{witness.Key}}" }
            """;
        await using BrokerProcess broker = await folder.StartAsync(configuration);
        using KbsClient client = new(broker.Url, broker.Pin);
        await EventuallyAsync(() => Task.FromResult(witness.Posted.Length > 0), broker);

        string line = (await File.ReadAllLinesAsync(file, Cancellation))[0];
        AuditCheckpoint checkpoint = Read(line, key, witness.Key);
        Assert.Equal(checkpoint.Size, witness.Seen);
        Assert.Equal((line, "Bearer sesame"), witness.Posted[0]); // after two failures
        byte[] datagram = (await udp.ReceiveAsync(Cancellation)).Buffer, received = new byte[8192];
        Assert.Matches($"^<109>1 [0-9T:.-]+Z {Environment.MachineName} cloister-broker {broker.Id} checkpoint - ", Encoding.UTF8.GetString(datagram));
        Assert.EndsWith(line, Encoding.UTF8.GetString(datagram), StringComparison.Ordinal);
        Assert.EndsWith(line, Encoding.UTF8.GetString(received, 0, await unix.ReceiveAsync(received, Cancellation)), StringComparison.Ordinal);
        using TcpClient connection = await tcp.AcceptTcpClientAsync(Cancellation);
        using StreamReader reader = new(connection.GetStream());
        string framed = await reader.ReadToEndAsync(Cancellation);
        Assert.Equal($"{framed.Length - framed.IndexOf(' ', StringComparison.Ordinal) - 1}", framed.Split(' ')[0]);
        Assert.EndsWith(line, framed, StringComparison.Ordinal);

        string metrics = (await client.GetAsync("/metrics")).Body;
        Assert.Contains($"cloister_broker_audit_exported_size{{to=\"webhook\"}} {checkpoint.Size}\n", metrics, StringComparison.Ordinal);
        Assert.Contains("cloister_broker_audit_export_failures_total{to=\"webhook\"} 2\n", metrics, StringComparison.Ordinal);
        Assert.Contains($"cloister_broker_audit_exported_size{{to=\"witness:witness.example\"}} {checkpoint.Size}\n", metrics, StringComparison.Ordinal);
        Assert.Contains("cloister_broker_audit_conflict 0\n", metrics, StringComparison.Ordinal);

        // What it signs at its end goes out too, extends what the witness has seen, and is kept with its cosignature.
        Assert.Equal(0, await broker.StopAsync());
        Assert.True(witness.Seen >= checkpoint.Size);
        await using OtherBroker admin = await folder.OpenAsync(broker);
        Assert.All((await admin.State.ListCheckpointsAsync(Cancellation)).Where(one => one.Size >= checkpoint.Size), one => Assert.True(one.Note.IsSignedBy(witness.Key)));
    }

    [Fact]
    public async Task WhatDoesNotAnswerHoldsNothingUp()
    {
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        int port = ((IPEndPoint)silent.LocalEndpoint).Port;
        using Ed25519.PrivateKey key = new(RandomNumberGenerator.GetBytes(32));
        NoteKey witness = new("silent.example", NoteKey.CosignatureType, key.PublicKey);
        await using BrokerProcess broker = await folder.StartAsync(
            $"audit: {{ checkpoints: [ {{ webhook: \"http://127.0.0.1:{port}/\" }} ], witnesses: [ {{ url: \"http://127.0.0.1:{port}/\", key: \"{witness}\" }} ] }}");
        await using OtherBroker admin = await folder.OpenAsync(broker);
        await admin.MakeKekAsync("secrets", enclave.Policy());
        using KbsClient client = new(broker.Url, broker.Pin);
        ReceivedLease.Read(await client.LeaseAsync(enclave, "secrets"), enclave, broker.Pin);
        await EventuallyAsync(async () => (await client.GetAsync("/metrics")).Body.Contains("failures_total{to=\"witness:silent.example\"} 1", StringComparison.Ordinal), broker);
        Assert.Equal(0, await broker.StopAsync());
    }

    private static AuditCheckpoint Read(string line, NoteKey log, NoteKey witness)
    {
        AuditCheckpoint checkpoint = AuditCheckpoint.Parse(JsonDocument.Parse(line).RootElement.GetProperty("checkpoint").GetString()!);
        Assert.True(checkpoint.Note.IsSignedBy(log));
        Assert.True(checkpoint.Note.IsSignedBy(witness));
        return checkpoint;
    }

    private static async Task<NoteKey> KeyAsync(BrokerFolder folder)
    {
        await using State.SqlBrokerState state = await State.SqlBrokerState.OpenAsync(State.DatabaseAddress.Parse(folder.Database), TimeProvider.System, Cancellation);
        return await Failures.ExportedAudit.KeyAsync(state, folder);
    }

    private static int FreePort()
    {
        using TcpListener any = new(IPAddress.Loopback, 0);
        any.Start();
        return ((IPEndPoint)any.LocalEndpoint).Port;
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds, BrokerProcess broker)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (!await holds())
        {
            Assert.False(limit.IsCancellationRequested, broker.Errors);
            await Task.Delay(100, Cancellation);
        }
    }
}
