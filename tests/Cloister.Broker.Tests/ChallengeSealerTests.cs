using System.Security.Cryptography;
using Cloister.Broker.Challenges;

namespace Cloister.Broker.Tests;

public sealed class ChallengeSealerTests
{
    private static readonly string Session = ChallengeSealer.NewSession();
    private readonly MovableClock _clock = new();

    [Fact]
    public void EveryBrokerOfAnAuthorityOpensIt()
    {
        byte[] key = RandomNumberGenerator.GetBytes(ChallengeSealer.KeySize);
        using ChallengeSealer one = new(key, _clock);
        using ChallengeSealer other = new(key, _clock);
        string nonce = one.Seal(Session, "sgx");
        Assert.Equal(32, Convert.FromBase64String(nonce).Length);
        Assert.True(other.Opens(Session, "sgx", nonce));
        Assert.NotEqual(nonce, one.Seal(Session, "sgx"));
    }

    [Fact]
    public void AnotherKeySessionOrTeeDoesNot()
    {
        using ChallengeSealer sealer = New();
        using ChallengeSealer stranger = New();
        string nonce = sealer.Seal(Session, "sgx");
        Assert.False(stranger.Opens(Session, "sgx", nonce));
        Assert.False(sealer.Opens(ChallengeSealer.NewSession(), "sgx", nonce));
        Assert.False(sealer.Opens(Session, "tdx", nonce));
        Assert.False(sealer.Opens("", "sgx", nonce));
    }

    [Fact]
    public void EveryByteIsSealed()
    {
        using ChallengeSealer sealer = New();
        byte[] nonce = Convert.FromBase64String(sealer.Seal(Session, "sgx"));
        for (int i = 0; i < nonce.Length; i++)
        {
            byte[] changed = [.. nonce];
            changed[i] ^= 1;
            Assert.False(sealer.Opens(Session, "sgx", Convert.ToBase64String(changed)));
        }
    }

    [Fact]
    public void AnotherTextOfTheSameBytesIsRefused()
    {
        using ChallengeSealer sealer = New();
        string nonce = sealer.Seal(Session, "sgx");
        Assert.False(sealer.Opens(Session, "sgx", nonce + " "));
        Assert.False(sealer.Opens(Session, "sgx", " " + nonce[..^1]));
    }

    [Fact]
    public void ItHoldsForAMinute()
    {
        using ChallengeSealer sealer = New();
        string nonce = sealer.Seal(Session, "sgx");
        _clock.Now += TimeSpan.FromSeconds(59);
        Assert.True(sealer.Opens(Session, "sgx", nonce));
        _clock.Now += TimeSpan.FromSeconds(1);
        Assert.False(sealer.Opens(Session, "sgx", nonce));
        _clock.Now -= TimeSpan.FromSeconds(120);
        Assert.False(sealer.Opens(Session, "sgx", nonce));
    }

    private ChallengeSealer New() => new(RandomNumberGenerator.GetBytes(ChallengeSealer.KeySize), _clock);
}
