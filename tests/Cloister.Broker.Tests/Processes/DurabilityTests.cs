using System.Collections.Concurrent;
using Cloister.Audit;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A broker that is killed has lost nothing that it answered.</summary>
public sealed class DurabilityTests
{
    [Fact]
    public async Task KillingItLosesNoKekAndNoAuditEntryThatWasAnswered()
    {
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek;
        string pin;
        byte[] key;
        ConcurrentBag<string> granted = [];
        await using (RunningPair first = await RunningPair.StartAsync(folder))
        {
            pin = first.Process.Pin;
            kek = await first.NewKekAsync(enclave);
            key = ReceivedLease.Read(await first.Client.LeaseAsync(enclave, kek), enclave, pin).Keys.Values.Single();
            TaskCompletionSource enough = new();
            Task[] storm = [.. Enumerable.Range(0, 8).Select(_ => LeaseUntilItIsGoneAsync(first, enclave, kek, granted, enough))];
            await enough.Task;
            await first.Process.KillAsync();
            await Task.WhenAll(storm);
        }

        await using RunningPair second = await RunningPair.StartAsync(folder);
        Assert.Equal(pin, second.Process.Pin);
        Assert.Equal([key], ReceivedLease.Read(await second.Client.LeaseAsync(enclave, kek), enclave, pin).Keys.Values);
        List<AuditEntry> audit = await second.Admin.AuditAsync();
        HashSet<string> logged = [.. audit.Where(entry => entry.Kind == "lease.granted").Select(entry => System.Text.Json.JsonDocument.Parse(entry.Details).RootElement.GetProperty("lease").GetString()!)];
        Assert.True(granted.Count >= 20);
        Assert.All(granted, lease => Assert.Contains(lease, logged));
        AuditVerdict verdict = AuditVerifier.Verify(audit.Select(entry => new AuditLine(Entry: entry)), [], new NoteKey("any", NoteKey.Ed25519Type, new byte[32]));
        Assert.True(verdict.IsGood, verdict.Problem);
        Assert.Equal(audit.Count, verdict.LastSeq);
    }

    [Fact]
    public async Task StoppingItSignsACheckpointOfEverything()
    {
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        string kek = await broker.NewKekAsync(enclave);
        await broker.Client.LeaseAsync(enclave, kek);

        Assert.Equal(0, await broker.Process.StopAsync());

        IReadOnlyList<AuditCheckpoint> checkpoints = await broker.Admin.State.ListCheckpointsAsync(TestContext.Current.CancellationToken);
        Assert.Equal((await broker.Admin.AuditAsync()).Count, checkpoints[^1].Size);
    }

    [Fact]
    public async Task StoppingItAnswersThoseWhoWatch()
    {
        using BrokerFolder folder = new();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await using RunningPair broker = await RunningPair.StartAsync(folder);
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        Task<KbsAnswer> watching = broker.Client.WatchAsync(lease.Token, lease.Terms.Etag, 60);
        await Task.Delay(500, TestContext.Current.CancellationToken); // most likely the watch has arrived; if not, it is refused a connection

        Assert.Equal(0, await broker.Process.StopAsync());
        try
        {
            Assert.False((await watching).Ok(KbsJson.Default.WatchResponse).Changed);
        }
        catch (HttpRequestException)
        {
            // It came too late.
        }
    }

    private static async Task LeaseUntilItIsGoneAsync(RunningPair broker, SimulatedEnclave enclave, string kek, ConcurrentBag<string> granted, TaskCompletionSource enough)
    {
        try
        {
            while (true)
            {
                granted.Add(ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin).Terms.Lease);
                if (granted.Count >= 20)
                {
                    enough.TrySetResult();
                }
            }
        }
        catch (HttpRequestException)
        {
            // It is gone.
        }
        catch (Exception e)
        {
            enough.TrySetException(e);
        }
    }
}
