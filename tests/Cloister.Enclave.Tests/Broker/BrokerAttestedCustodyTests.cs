using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

public sealed class BrokerAttestedCustodyTests
{
    [Fact]
    public async Task Writes_and_reads_under_a_lease()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        KeyFingerprint kek = broker.AddVersion();
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        Assert.Equal(KeyId.Format(kek), enclave.Custody.Status.KeyId);
        Assert.Equal(32, await enclave.DecryptAsync(await enclave.EncryptAsync()));
    }

    [Fact]
    public async Task A_renewal_shows_the_token_of_the_lease_so_that_strangers_do_not_take_its_place()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        broker.Shape = terms => terms with { Wraps = 10, Time = 1_000_000 + (broker.Statements.Count * 1000) };
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        await Eventually.TrueAsync(
            () =>
            {
                _ = enclave.EncryptAsync().ContinueWith(_ => { }, TaskScheduler.Default);
                return broker.TokensShown.Count > 1;
            },
            "it renews");
        Assert.Equal(["", "Bearer token"], broker.TokensShown.Take(2));
    }

    [Fact]
    public async Task A_version_becomes_active_by_the_time_of_the_broker()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        KeyFingerprint first = broker.AddVersion();
        KeyFingerprint second = broker.AddVersion(activeAt: 1_120_000);
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        byte[] old = await enclave.EncryptAsync();
        Assert.Equal(KeyId.Format(first), enclave.Custody.Status.KeyId);
        enclave.Time.Forward(TimeSpan.FromSeconds(121));
        Assert.Equal(KeyId.Format(second), enclave.Custody.Status.KeyId);
        Assert.Equal(32, await enclave.DecryptAsync(old));
    }

    [Fact]
    public async Task A_lease_that_takes_writes_back_is_refused_and_a_disabled_version_stops_them()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        KeyFingerprint first = broker.AddVersion();
        KeyFingerprint second = broker.AddVersion();
        LeaseTerms Usual(LeaseTerms terms) => terms with { Wraps = 10, Time = 1_000_000 + (broker.Statements.Count * 1000) };
        broker.Shape = Usual;
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        byte[] old = await enclave.EncryptAsync();
        Assert.Equal(KeyId.Format(second), enclave.Custody.Status.KeyId);

        // Uses make it renew.
        async Task UntilAsync(string what, Func<bool> done)
        {
            await Eventually.TrueAsync(
                () =>
                {
                    _ = enclave.EncryptAsync().ContinueWith(_ => { }, TaskScheduler.Default);
                    return done();
                },
                what);
        }

        // An older database: the version that writes use is not in it.
        broker.Shape = terms => Usual(terms) with { Versions = [terms.Versions[0]] };
        await UntilAsync("the lease is refused", () => enclave.Custody.Lease!.Failure.Contains("goes back to version 1", StringComparison.Ordinal));
        Assert.NotEqual(KeyId.Format(first), enclave.Custody.Status.KeyId);

        // A clock that is behind: there the time of that version has not come.
        broker.Shape = terms => Usual(terms) with { Versions = [terms.Versions[0], terms.Versions[1] with { ActiveAt = long.MaxValue }] };
        await UntilAsync("a lease is taken", () => enclave.Custody.Lease!.Failure.Length == 0 && enclave.Custody.Status.KeyId is not null);
        Assert.Equal(KeyId.Format(second), enclave.Custody.Status.KeyId);

        // Disabled: no version is active.
        broker.Shape = terms => Usual(terms) with { Versions = [terms.Versions[0], terms.Versions[1] with { Enabled = false }] };
        await UntilAsync("writes stop", () => enclave.Custody.Status.Healthz.Contains("cloister kek rotate", StringComparison.Ordinal));
        Assert.Equal(FailureKind.NotReady, (await Assert.ThrowsAsync<FailureException>(enclave.EncryptAsync)).Kind);
        Assert.True(enclave.Custody.Holds(first));
        Assert.Equal(FailureKind.NotFound, (await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(old))).Kind);
    }

    [Fact]
    public async Task Writes_stop_at_the_end_and_reads_after_the_grace()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        byte[] edek = await enclave.EncryptAsync();
        broker.Errors[KbsPaths.Lease] = "Busy";
        enclave.Time.Forward(TimeSpan.FromSeconds(610));
        Assert.Null(enclave.Custody.Status.KeyId);
        Assert.Equal(FailureKind.Unavailable, (await Assert.ThrowsAsync<FailureException>(enclave.EncryptAsync)).Kind);
        Assert.Equal(32, await enclave.DecryptAsync(edek));
        enclave.Time.Forward(TimeSpan.FromSeconds(60));
        Assert.Equal(FailureKind.Unavailable, (await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(edek))).Kind);
        await Eventually.TrueAsync(() => enclave.Arena.InUse == 0, "KEKs wiped");
    }

    [Fact]
    public async Task A_used_lease_stops_writes_and_is_renewed_with_its_uses()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        broker.Shape = terms => terms with { Wraps = 10, Time = 1_000_000 + (broker.Statements.Count * 1000) };
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        broker.Errors[KbsPaths.Lease] = "Busy";
        for (int i = 0; i < 10; i++)
        {
            await enclave.EncryptAsync();
        }

        await Assert.ThrowsAsync<FailureException>(enclave.EncryptAsync);
        Assert.Null(enclave.Custody.Status.KeyId);
        broker.Errors.Clear();
        await enclave.ReadyAsync();
        Assert.Equal([0, 10], broker.Statements.Select(statement => statement.Wraps));
        Assert.Equal([1, 0], broker.KeysSent);
        await enclave.EncryptAsync();
    }

    [Fact]
    public async Task A_revoked_lease_is_wiped_at_once_and_comes_back_by_itself()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        byte[] edek = await enclave.EncryptAsync();
        broker.Errors[KbsPaths.Lease] = "LeaseRevoked";
        broker.Errors[KbsPaths.Watch] = "LeaseRevoked";
        await Eventually.TrueAsync(() => enclave.Arena.InUse == 0, "KEKs wiped");
        Assert.Equal(FailureKind.NotReady, enclave.Custody.Status.ErrorCode);
        Assert.Equal(FailureKind.NotReady, (await Assert.ThrowsAsync<FailureException>(() => enclave.DecryptAsync(edek))).Kind);
        Assert.Contains("revoked", enclave.Custody.Status.Healthz, StringComparison.Ordinal);
        broker.Errors.Clear();
        await enclave.ReadyAsync();
        Assert.Equal(32, await enclave.DecryptAsync(edek));
    }

    [Fact]
    public async Task A_lease_that_is_not_believed_gives_nothing()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        broker.Shape = terms => terms with { KeysDigest = "" };
        await using AttestedFixture enclave = new(broker);
        await Eventually.TrueAsync(() => enclave.Custody.Status.ErrorCode == FailureKind.NotReady, "refused");
        Assert.Null(enclave.Custody.Status.KeyId);
        Assert.Equal(0, enclave.Arena.InUse);
    }
}
