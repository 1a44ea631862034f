using Cloister.Broker.State.Revocations;
using Cloister.Kbs;
using Cloister.KeyStores.Tests.Stores;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Two brokers on one PostgreSQL are one broker to their clients.</summary>
public sealed class TwoBrokersTests
{
    [Fact]
    public async Task TheyServeTheSameSessionsAndLeasesAndEitherMayGo()
    {
        using BrokerFolder folder = new(database: $"postgres:{(await PostgresServer.SharedAsync()).NewDatabase()}");
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await using RunningPair one = await RunningPair.StartAsync(folder);
        await using RunningPair two = await RunningPair.StartAsync(folder);
        Assert.Equal(one.Process.Pin, two.Process.Pin);
        string kek = await one.NewKekAsync(enclave);

        // A challenge of one, used at the other, is used up at both.
        (string nonce, string session) = await one.Client.AuthAsync();
        AttestRequest answer = enclave.Answer(nonce, SimulatedEnclave.Statement(kek, purpose: StatementPurpose.Resource));
        (await two.Client.AttestAsync(session, answer)).Ok(KbsJson.Default.TokenResponse);
        Assert.StartsWith("challenge", (await one.Client.AttestAsync(session, answer)).Refused(401, "AttestationError"), StringComparison.Ordinal);

        // The session is attested at both; a lease of one is watched and renewed at the other.
        (await one.Client.GetAsync($"/kbs/v0/resource/c1/kek/{kek}", session)).Ok(KbsJson.Default.FlattenedJwe);
        ReceivedLease lease = ReceivedLease.Read(await one.Client.LeaseAsync(enclave, kek), enclave, one.Process.Pin);
        Task<KbsAnswer> atOne = one.Client.WatchAsync(lease.Token, lease.Terms.Etag, 60);
        Task<KbsAnswer> atTwo = two.Client.WatchAsync(lease.Token, lease.Terms.Etag, 60);
        await one.Admin.RotateAsync(kek);
        Assert.True((await atOne).Ok(KbsJson.Default.WatchResponse).Changed);
        Assert.True((await atTwo).Ok(KbsJson.Default.WatchResponse).Changed);

        await one.Process.KillAsync();
        ReceivedLease renewed = ReceivedLease.Read(await two.Client.LeaseAsync(enclave, kek, lease.Terms.Lease), enclave, two.Process.Pin);
        Assert.Equal(lease.Terms.Lease, renewed.Terms.Lease);
        Assert.Equal(2, renewed.Keys.Count);
        await one.Admin.RevokeAsync(RevocationKind.Instance, enclave.Instance);
        (await two.Client.WatchAsync(renewed.Token, renewed.Terms.Etag, 60)).Refused(403, "LeaseRevoked");
    }
}
