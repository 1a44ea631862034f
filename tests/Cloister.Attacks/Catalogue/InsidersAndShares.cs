using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Attacks.Framework;
using Cloister.Contracts.Keys;
using Cloister.Recovery;

namespace Cloister.Attacks.Catalogue;

/// <summary>Alice wants a KEK out of the broker, or one of her own into it, by recovery shares; bob agrees to what he is asked.</summary>
internal abstract class ShareAttack(string name, string has, string how) : InsiderAttack(name, has, how)
{
    /// <summary>Asked by alice, approved by bob; the answer, or null and what was said.</summary>
    protected static async Task<(JsonNode? Answer, string Said)> TogetherAsync(Insider alice, string path, Func<string?, object> body, CancellationToken stop)
    {
        using HttpResponseMessage asked = await alice.First.PostAsJsonAsync(path, body(null), stop);
        string text = await asked.Content.ReadAsStringAsync(stop);
        if (asked.StatusCode != HttpStatusCode.Accepted)
        {
            return (asked.IsSuccessStatusCode ? JsonNode.Parse(text) : null, $"{(int)asked.StatusCode} {text}");
        }

        using HttpResponseMessage done = await alice.Bob.PostAsJsonAsync(path, body(Id(text)), stop);
        text = await done.Content.ReadAsStringAsync(stop);
        return (done.IsSuccessStatusCode ? JsonNode.Parse(text) : null, $"{(int)done.StatusCode} {text}");
    }

    protected static async Task<RecoveryShare[]> ExportAsync(Insider alice, string path, ShareKeepers keepers, CancellationToken stop)
    {
        (JsonNode? answer, string said) = await TogetherAsync(alice, path, approve => new { threshold = 2, keepers = keepers.Keys, approve }, stop);
        return keepers.Open(answer ?? throw new InvalidOperationException(said));
    }

    protected static Task<(JsonNode? Answer, string Said)> RestoreAsync(Insider alice, IEnumerable<RecoveryShare> shares, CancellationToken stop) => TogetherAsync(
        alice, "/admin/v1/restore", approve => new { shares = shares.Select(share => share.ToText()), cluster = "c1", policy = "secrets", store = "database", approve }, stop);
}

internal sealed class AnothersShare() : ShareAttack(
    "share-opened-by-another-keeper", "every role, all that an export answered, and the key of one keeper", "each share is sealed to its keeper's key: nobody has two")
{
    protected override string Off => "";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        using ShareKeepers keepers = new(3);
        (JsonNode? answer, string said) = await TogetherAsync(
            alice, "/admin/v1/keks/secrets/versions/1/export", approve => new { threshold = 2, keepers = keepers.Keys, approve }, stop);
        JsonArray shares = (answer ?? throw new InvalidOperationException(said))["shares"]!.AsArray();

        // The control has both keepers' keys.
        List<RecoveryShare> opened = [ShareKeepers.Open((string)shares[0]!["share"]!, keepers.KeyOf((string)shares[0]!["keeper"]!))];
        try
        {
            opened.Add(ShareKeepers.Open((string)shares[1]!["share"]!, keepers.KeyOf((string)shares[alice.IsProtected ? 0 : 1]!["keeper"]!)));
            RecoveryShares.Combine(opened, new byte[32]);
            return Trial.Success("two shares, so the KEK");
        }
        catch (FormatException e)
        {
            return Trial.Refused(e.Message);
        }
    }
}

internal sealed class ForgedShares() : ShareAttack(
    "forged-recovery-shares", "every role, the consent of the second administrator, and shares of a key of his own under the name of a version that never was",
    "shares are signed by the broker's authority, and only versions come back whose key's commitment the broker kept when it made them")
{
    protected override string Off => "restoreUnknown: allowed";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        KekIdentity next = new(alice.Broker.Authority, "secrets", 2, new string('a', 32));
        byte[] key = RandomNumberGenerator.GetBytes(32);
        using ECDsa signer = await SignerAsync(alice, stop);
        RecoveryShare[] shares = [.. RecoveryShares.Split(next, key, 2, 2).Select(share => share.Sign(CommitmentOf(next, key), new Forger(signer)))];
        (_, string said) = await RestoreAsync(alice, shares, stop);
        return (await alice.Admin.State.FindKekAsync("secrets", stop))!.Versions.Count > 1 ? Trial.Success("writes use a key of his") : Trial.Refused(said);
    }

    // The control has the authority's key, from as many keepers of its shares as it takes.
    private static async Task<ECDsa> SignerAsync(Insider alice, CancellationToken stop)
    {
        if (alice.IsProtected)
        {
            return ECDsa.Create(ECCurve.NamedCurves.nistP256);
        }

        using ShareKeepers keepers = new(2);
        byte[] scalar = new byte[32];
        RecoveryShares.CombineAuthority(await ExportAsync(alice, "/admin/v1/authority/export", keepers, stop), scalar);
        return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
    }

    // docs/recovery-shares.md, "What a broker takes back".
    private static string CommitmentOf(KekIdentity identity, byte[] key)
    {
        byte[] fingerprint = new byte[KeyFingerprint.Size];
        identity.Fingerprint().CopyTo(fingerprint);
        return Convert.ToHexStringLower(SHA256.HashData([.. "cloister-kek-commitment-v1"u8, .. fingerprint, .. key]));
    }

    private sealed class Forger(ECDsa key) : IShareAuthority
    {
        public byte[] SignShare(ReadOnlySpan<byte> message) => key.SignData(message, HashAlgorithmName.SHA256);

        public bool VerifyShare(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) => key.VerifyData(message, signature, HashAlgorithmName.SHA256);
    }
}

internal sealed class UnsignedShares() : ShareAttack(
    "recovery-shares-without-signature", "every role, the consent of the second administrator, and the right key of a version that the store lost, split again by himself",
    "what a broker takes back was split by a broker of its authority: each share has its signature")
{
    protected override string Off => "";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        using ShareKeepers keepers = new(3);
        RecoveryShare[] shares = await ExportAsync(alice, "/admin/v1/keks/secrets/versions/1/export", keepers, stop);
        byte[] key = new byte[32];
        KekIdentity kek = RecoveryShares.Combine(shares, key);
        await alice.LoseAsync(kek, stop);
        (JsonNode? restored, string said) = await RestoreAsync(alice, alice.IsProtected ? RecoveryShares.Split(kek, key, 2, 2) : shares, stop);
        return restored is null ? Trial.Refused(said) : Trial.Success("it is back");
    }
}

internal sealed class DestroyedShares() : ShareAttack(
    "recovery-shares-of-a-destroyed-version", "every role, the consent of the second administrator, and shares of a version that was destroyed since",
    "a version that was destroyed stays destroyed, and its key is not in the store")
{
    protected override string Off => "";

    protected override async Task<Trial> TryAsync(Insider alice, CancellationToken stop)
    {
        using ShareKeepers keepers = new(3);
        RecoveryShare[] shares = await ExportAsync(alice, "/admin/v1/keks/secrets/versions/1/export", keepers, stop);
        KekIdentity kek = RecoveryShares.Combine(shares, new byte[32]);
        await alice.LoseAsync(kek, stop);
        if (alice.IsProtected)
        {
            await alice.Admin.State.ScheduleDestroyAsync("secrets", 1, DateTimeOffset.UtcNow.AddSeconds(-1), stop);
            await alice.Admin.State.DueForDestroyAsync(stop);
            await alice.Admin.State.MarkDestroyedAsync("secrets", 1, stop);
        }

        (JsonNode? restored, string said) = await RestoreAsync(alice, shares, stop);
        return restored is not null || await alice.HasAsync(kek, stop) ? Trial.Success("it is back") : Trial.Refused(said);
    }
}
