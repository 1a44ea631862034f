using System.Security.Cryptography;
using Cloister.Attestation;
using Cloister.Broker.State.Leases;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Wrapping and unwrapping under a KEK that is not released, against the real program.</summary>
public sealed class WrapTests(SharedBroker shared)
{
    [Fact]
    public async Task ItemsComeBackInOrderAndOnlyInTheirContext()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System, Tee.Tdx);
        string kek = await broker.NewKekAsync(enclave, release: false);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        Assert.False(lease.Terms.Release);
        Assert.Empty(lease.Keys);
        string keyId = lease.Terms.Versions[0].KeyId;
        byte[][] items = [.. Enumerable.Range(0, 256).Select(i => RandomNumberGenerator.GetBytes(i == 0 ? 4096 : 32))];

        IReadOnlyList<byte[]?> wrapped = (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, items)).Ok(KbsJson.Default.CryptoResponse).Items;
        byte[][] changed = [.. wrapped.Select(item => (byte[])item!.Clone())];
        changed[7][30] ^= 1;
        IReadOnlyList<byte[]?> back = (await broker.Client.CryptoAsync(KbsPaths.Unwrap, lease.Token, keyId, changed)).Ok(KbsJson.Default.CryptoResponse).Items;

        Assert.Null(back[7]);
        Assert.Equal(items.Where((_, i) => i != 7), back.Where((_, i) => i != 7));
        (string nonce, string session) = await broker.Client.AuthAsync(enclave.TeeName);
        KbsAnswer ofOther = await broker.Client.LeaseAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, provider: "other")));
        string otherToken = ReceivedLease.Read(ofOther, enclave, broker.Process.Pin).Token;
        IReadOnlyList<byte[]?> elsewhere = (await broker.Client.CryptoAsync(KbsPaths.Unwrap, otherToken, keyId, [wrapped[1]!], provider: "other")).Ok(KbsJson.Default.CryptoResponse).Items;
        Assert.Equal([null], elsewhere);
        LeaseRecord record = (await broker.Admin.State.FindLeaseAsync(lease.Terms.Lease, TestContext.Current.CancellationToken))!;
        Assert.Equal((256L, 256L), (record.Wraps, record.Unwraps));
        Assert.Contains(
            await broker.Admin.AuditAsync(),
            entry => entry.Kind == "wrap" && entry.Details.Contains(lease.Terms.Lease, StringComparison.Ordinal) && entry.Details.Contains("\"count\":256", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ALeaseIsOverWhenItsUsesAreMadeAndRenewedBeginsAnew()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave, release: false);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        string keyId = lease.Terms.Versions[0].KeyId;
        byte[][] items = [.. Enumerable.Repeat(new byte[32], 250)];
        IReadOnlyList<byte[]?> wrapped = [];
        for (long left = lease.Terms.Wraps; left > 0; left -= items.Length)
        {
            wrapped = (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, items)).Ok(KbsJson.Default.CryptoResponse).Items;
        }

        string detail = (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, [items[0]])).Refused(401, "TokenVerifierError");
        Assert.StartsWith("lease:", detail, StringComparison.Ordinal);
        (await broker.Client.CryptoAsync(KbsPaths.Unwrap, lease.Token, keyId, [wrapped[0]!])).Ok(KbsJson.Default.CryptoResponse);
        Assert.Contains(
            await broker.Admin.AuditAsync(), entry => entry.Kind == "lease.exhausted" && entry.Details.Contains(lease.Terms.Lease, StringComparison.Ordinal));

        ReceivedLease renewed = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek, lease.Terms.Lease), enclave, broker.Process.Pin);
        Assert.Equal(lease.Terms.Lease, renewed.Terms.Lease);
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, renewed.Token, keyId, items)).Ok(KbsJson.Default.CryptoResponse);
    }

    [Fact]
    public async Task ErrorsAreThoseOfTheTable()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave, release: false);
        string released = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        ReceivedLease other = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, released), enclave, broker.Process.Pin);
        string keyId = lease.Terms.Versions[0].KeyId;
        byte[][] item = [new byte[32]];

        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, [])).Refused(400, "BadRequest");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, [.. Enumerable.Repeat(new byte[1], 257)])).Refused(400, "BadRequest");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, [new byte[4097]])).Refused(400, "BadRequest");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, [[]])).Refused(400, "BadRequest");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, item, provider: "")).Refused(400, "BadRequest");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, item, cluster: "c2")).Refused(403, "PolicyDeny");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, other.Token, other.Terms.Versions[0].KeyId, item)).Refused(403, "PolicyDeny");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, other.Terms.Versions[0].KeyId, item)).Refused(404, "KekNotFound");
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, "no key_id", item)).Refused(404, "KekNotFound");
        (await broker.Client.CryptoAsync(KbsPaths.Unwrap, "no.token.this", keyId, item)).Refused(401, "TokenVerifierError");
        (await broker.Client.PostAsync(KbsPaths.Unwrap, "{}")).Refused(401, "TokenNotFound");
        await broker.Admin.RotateAsync(kek);
        await broker.Admin.DisableAsync(kek, 1);
        (await broker.Client.CryptoAsync(KbsPaths.Wrap, lease.Token, keyId, item)).Refused(404, "KekNotFound");
    }
}
