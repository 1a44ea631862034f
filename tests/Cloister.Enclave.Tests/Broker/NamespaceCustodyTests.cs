using Cloister.Contracts.Envelope;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Tests.Support;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>Two leases in one enclave, of a default KEK and of one of namespaces: each goes its own way.</summary>
public sealed class NamespaceCustodyTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_revoked_KEK_stops_its_own_namespaces_only_and_comes_back()
    {
        await using TestBroker main = await StartAsync();
        await using TestBroker gold = await StartAsync();
        await using AttestedFixture a = new(main);
        await using AttestedFixture b = new(gold);
        NamespaceCustody both = new(a.Custody, new Dictionary<string, ICustody> { ["gold"] = b.Custody });
        await a.ReadyAsync();
        await b.ReadyAsync();
        byte[] underMain = await EncryptAsync(both);
        byte[] underGold = await EncryptAsync(both.Under("gold"));
        Assert.NotEqual(Edek.Parse(underMain).Kek, Edek.Parse(underGold).Kek);
        Assert.Equal((32, 32), (await DecryptAsync(both, underMain), await DecryptAsync(both, underGold)));
        Assert.Equal(["main"], both.MoreLeases.Select(lease => lease.Kek));

        gold.Errors[KbsPaths.Lease] = "LeaseRevoked";
        gold.Errors[KbsPaths.Watch] = "LeaseRevoked";
        await Eventually.TrueAsync(() => !both.Holds(Edek.Parse(underGold).Kek), "the KEK is wiped");
        Assert.Contains("revoked", both.Under("gold").Status.Healthz, StringComparison.Ordinal);
        Assert.Equal(FailureKind.NotFound, (await Assert.ThrowsAsync<FailureException>(() => DecryptAsync(both, underGold))).Kind);
        Assert.Equal(32, await DecryptAsync(both, await EncryptAsync(both)));
        Assert.True(both.HasKeks);

        gold.Errors.Clear();
        await Eventually.TrueAsync(() => both.Under("gold").Status.KeyId is not null, "the KEK is back");
        Assert.Equal(32, await DecryptAsync(both, underGold));
    }

    [Fact]
    public async Task Until_brokers_answered_for_all_a_value_under_an_unknown_KEK_is_asked_for_again()
    {
        await using TestBroker main = await StartAsync();
        await using TestBroker gold = await StartAsync();
        await using AttestedFixture a = new(main);
        await a.ReadyAsync();
        byte[] unknown;
        await using (AttestedFixture other = new(gold))
        {
            await other.ReadyAsync();
            unknown = await other.EncryptAsync();
        }

        Waiting waiting = new(a.Custody) { IsPending = true };
        NamespaceCustody both = new(a.Custody, new Dictionary<string, ICustody> { ["gold"] = waiting });
        Assert.Equal(FailureKind.Unavailable, (await Assert.ThrowsAsync<FailureException>(() => DecryptAsync(both, unknown))).Kind);
        waiting.IsPending = false;
        Assert.Equal(FailureKind.NotFound, (await Assert.ThrowsAsync<FailureException>(() => DecryptAsync(both, unknown))).Kind);
    }

    private static async Task<TestBroker> StartAsync()
    {
        TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        return broker;
    }

    private static async Task<byte[]> EncryptAsync(ICustody custody)
    {
        byte[] edek = new byte[Edek.MaxSize];
        EncryptResult result = await custody.EncryptAsync(new byte[32], edek, Stop);
        return edek[..result.Length];
    }

    private static async Task<int> DecryptAsync(NamespaceCustody custody, byte[] edek) =>
        await custody.DecryptAsync(Edek.Parse(edek).Kek, edek, new byte[Edek.MaxSize], Stop);

    // A custody whose broker has not answered yet.
    private sealed class Waiting(ICustody custody) : ICustody
    {
        public string Name => custody.Name;

        public bool IsPending { get; set; }

        public CustodyStatus Status => CustodyStatus.Unavailable(StatusReason.NoLease, FailureKind.Unavailable, "it is being asked for");

        public bool Holds(Contracts.Keys.KeyFingerprint kek) => false;

        public ValueTask<EncryptResult> EncryptAsync(ReadOnlyMemory<byte> plaintext, Memory<byte> edek, CancellationToken cancellation) => throw Status.ToException();

        public ValueTask<int> DecryptAsync(Contracts.Keys.KeyFingerprint kek, ReadOnlyMemory<byte> edek, Memory<byte> plaintext, CancellationToken cancellation) =>
            throw Status.ToException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
