using System.Security.Cryptography;
using Cloister.Attacks.Framework;
using Cloister.Contracts.Keys;
using Cloister.Recovery;

namespace Cloister.Attacks.Catalogue;

/// <summary>Keepers of recovery shares put theirs together, one fewer than it takes.</summary>
internal sealed class TooFewShares() : Attack(
    "one-recovery-share-too-few", Attacker.Thief, "recovery shares of a KEK, one fewer than the threshold", Promise.Protected, "fewer shares than the threshold say nothing of the key (Shamir)")
{
    public override Task<Outcome> RunAsync(Ground ground)
    {
        byte[] kek = RandomNumberGenerator.GetBytes(32);
        IReadOnlyList<RecoveryShare> shares = RecoveryShares.Split(new KekIdentity("manual", "secrets", 1, Convert.ToHexStringLower(new byte[16])), kek, 3, 5);
        return Task.FromResult(new Outcome(Try([.. shares.Take(2)], kek), Try([.. shares.Skip(1).Take(3)], kek)));
    }

    private static Trial Try(RecoveryShare[] shares, byte[] kek)
    {
        byte[] key = new byte[32];
        try
        {
            RecoveryShares.Combine(shares, key);
            return key.AsSpan().SequenceEqual(kek) ? Trial.Success($"{shares.Length} shares give the KEK") : Trial.Refused("another key");
        }
        catch (Exception e) when (e is RecoveryShareException or ArgumentException)
        {
            return key.AsSpan().ContainsAnyExcept((byte)0) ? Trial.Success("it left a key") : Trial.Refused(e.Message);
        }
    }
}
