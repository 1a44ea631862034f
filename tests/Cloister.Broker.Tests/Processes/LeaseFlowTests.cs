using Cloister.Attestation;
using Cloister.Broker.State.Evidence;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Leases;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Leases and watching, against the real program.</summary>
public sealed class LeaseFlowTests(SharedBroker shared)
{
    [Theory]
    [InlineData(Tee.Sgx)]
    [InlineData(Tee.Tdx)]
    public async Task ALeaseBringsTheKeysThatTheEnclaveDoesNotHave(Tee tee)
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System, tee);
        string kek = await broker.NewKekAsync(enclave);

        ReceivedLease first = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        LeasedVersion version = Assert.Single(first.Terms.Versions);
        Assert.Equal([version.KeyId], first.Keys.Keys);
        Assert.Equal((1000L, 2000L, 30L, true), (first.Terms.Wraps, first.Terms.Unwraps, first.Terms.GraceSeconds, first.Terms.Release));
        Assert.Equal(600_000, first.Terms.Expires - first.Terms.Time);
        Assert.InRange(first.Terms.RenewAfter, first.Terms.Time + 1, first.Terms.Expires - 1);

        await broker.Admin.RotateAsync(kek);
        ReceivedLease second = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek, first.Terms.Lease, version.KeyId), enclave, broker.Process.Pin);
        Assert.Equal(first.Terms.Lease, second.Terms.Lease);
        Assert.Equal(2, second.Terms.Versions.Count);
        Assert.Equal([second.Terms.Versions[1].KeyId], second.Keys.Keys);
        Assert.NotEqual(first.Terms.Etag, second.Terms.Etag);

        ReceivedLease third = ReceivedLease.Read(
            await broker.Client.LeaseAsync(enclave, kek, first.Terms.Lease, [.. second.Terms.Versions.Select(one => one.KeyId)]), enclave, broker.Process.Pin);
        Assert.Empty(third.Keys);

        LeaseRecord record = (await broker.Admin.State.FindLeaseAsync(first.Terms.Lease, TestContext.Current.CancellationToken))!;
        Assert.Equal((2L, enclave.Instance, enclave.Measurement), (record.Renewals, record.Instance, record.Measurement));
        EvidenceRecord? kept = await broker.Admin.State.FindEvidenceAsync(first.Terms.Lease, TestContext.Current.CancellationToken);
        Assert.Equal((true, enclave.Instance, enclave.TeeName), (kept!.Accepted, kept.Instance, kept.Tee));
        Assert.Equal(
            ["lease.granted", "lease.renewed", "lease.renewed"],
            (await broker.Admin.AuditAsync()).Where(entry => entry.Details.Contains(first.Terms.Lease, StringComparison.Ordinal)).Select(entry => entry.Kind));
    }

    [Fact]
    public async Task ADisabledVersionIsListedAndNotGivenOut()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        await broker.Admin.RotateAsync(kek);
        await broker.Admin.DisableAsync(kek, 1);

        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);

        Assert.Equal([false, true], lease.Terms.Versions.Select(version => version.Enabled));
        Assert.Equal([lease.Terms.Versions[1].KeyId], lease.Keys.Keys);
    }

    [Fact]
    public async Task TheActiveVersionDisabledOrDestroyedIsListedAsSuchAndBringsNoOlderOneBack()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        await broker.Admin.RotateAsync(kek);

        // Somebody writes with it: from then on nothing below it may be active.
        while ((await broker.Admin.State.FindKekAsync(kek, TestContext.Current.CancellationToken))!.HighestActive < 2)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        }

        await broker.Admin.DisableAsync(kek, 2);

        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);

        Assert.Equal([(1u, true), (2u, false)], lease.Terms.Versions.Select(version => (version.Version, version.Enabled)));
        Assert.All(lease.Terms.Versions, version => Assert.True(version.ActiveAt <= lease.Terms.Time));
        Assert.Equal(2, (await broker.Admin.State.FindKekAsync(kek, TestContext.Current.CancellationToken))!.HighestActive);
    }

    [Fact]
    public async Task ALeaseThatIsNotTheEnclavesIsNotRenewedForIt()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        string lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin).Terms.Lease;
        using SimulatedEnclave thief = new(TimeProvider.System);
        await broker.Admin.SetPolicyAsync(kek, thief.Policy());

        Assert.StartsWith("lease:", (await broker.Client.LeaseAsync(thief, kek, lease)).Refused(401, "AttestationError"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALeaseThatIsForgottenBeginsAnew()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        string forgotten = new('a', 32);

        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek, forgotten), enclave, broker.Process.Pin);

        Assert.NotEqual(forgotten, lease.Terms.Lease);
    }

    [Fact]
    public async Task WatchingEndsWhenAnotherBrokerRotatesAndOtherwiseAfterTheWait()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);

        Assert.False((await broker.Client.WatchAsync(lease.Token, lease.Terms.Etag, 1)).Ok(KbsJson.Default.WatchResponse).Changed);
        Assert.True((await broker.Client.WatchAsync(lease.Token, "another", 60)).Ok(KbsJson.Default.WatchResponse).Changed);
        Task<KbsAnswer> watching = broker.Client.WatchAsync(lease.Token, lease.Terms.Etag, 60);
        await broker.Admin.RotateAsync(kek);
        WatchResponse changed = (await watching).Ok(KbsJson.Default.WatchResponse);

        Assert.True(changed.Changed);
        Assert.Equal(changed.Etag, ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin).Terms.Etag);
    }

    [Fact]
    public async Task AKeyStoreThatIsNotThereIsBusy()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = RunningPair.NewName();
        await broker.Admin.SetPolicyAsync(kek, enclave.Policy());
        await broker.Admin.State.CreateKekAsync(
            new KekRecord(kek, "c1", "elsewhere", kek, true, DateTimeOffset.UnixEpoch), DateTimeOffset.UtcNow, (_, _) => Task.FromResult(""), TestContext.Current.CancellationToken);

        (await broker.Client.LeaseAsync(enclave, kek)).Refused(503, "Busy");
    }

    [Fact]
    public async Task ErrorsOfOurRoutesAreThoseOfTheTable()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        string token = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin).Token;
        (string nonce, string session) = await broker.Client.AuthAsync();
        string ofNoLease = (await broker.Client.AttestAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, purpose: StatementPurpose.Resource)))).Ok(KbsJson.Default.TokenResponse).Token;

        (await broker.Client.PostAsync(KbsPaths.Lease, "{}")).Refused(400, "BadRequest");
        (await broker.Client.PostAsync(KbsPaths.Lease, "no json")).Refused(400, "BadRequest");
        (await broker.Client.LeaseAsync(enclave, "none")).Refused(404, "KekNotFound");
        (string second, string other) = await broker.Client.AuthAsync();
        (await broker.Client.LeaseAsync(other, enclave.Answer(second, SimulatedEnclave.Statement(kek, cluster: "c2")))).Refused(404, "KekNotFound");
        (await broker.Client.PostAsync(KbsPaths.Watch, """{"etag":"","waitSeconds":1}""")).Refused(401, "TokenNotFound");
        (await broker.Client.WatchAsync("no.token.this", "", 1)).Refused(401, "TokenVerifierError");
        (await broker.Client.WatchAsync(ofNoLease, "", 1)).Refused(401, "TokenVerifierError");
        (await broker.Client.WatchAsync(token, "", 61)).Refused(400, "BadRequest");
        (await broker.Client.WatchAsync(token, "", -1)).Refused(400, "BadRequest");
    }
}
