using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Simulator.Nitro;

namespace Cloister.Attestation.Tests.Nitro;

/// <summary>Minted documents that must verify: the shapes that the real samples lack.</summary>
public sealed class NitroMintedTests
{
    private static readonly MintedNitro Valid = new();

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void Tagged_or_not_with_maps_of_either_length_and_nulls_or_none(bool tagged, bool indefinite, bool omitNulls) =>
        Valid.With(f => f with { Tagged = tagged, IndefiniteLength = indefinite, OmitNulls = omitNulls }).Accepts();

    [Fact]
    public void Optional_fields_at_their_limits_are_claims()
    {
        VerificationResult result = Valid.With(f => f with { PublicKey = new byte[1024], UserData = new byte[512], Nonce = [] }).Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        ClaimSet claims = result.UnappraisedClaims.All;
        Assert.True(claims.TryGet(ClaimNames.PublicKey, out ClaimValue? key) && key.Bytes.Length == 1024);
        Assert.True(claims.TryGet(ClaimNames.UserData, out ClaimValue? data) && data.Bytes.Length == 512);
        Assert.True(claims.TryGet(ClaimNames.Nonce, out ClaimValue? nonce) && nonce.Bytes.IsEmpty);
        Assert.True(claims.TryGet("pcr15", out ClaimValue? register));
        Assert.Equal(string.Concat(Enumerable.Repeat("10", 48)), register.ToString());
        Assert.False(claims.TryGet("pcr16", out _));
    }

    [Fact]
    public void All_32_registers_in_any_order_are_claims()
    {
        VerificationResult result = Valid.With(f => f with { Pcrs = [.. Enumerable.Range(0, 32).Reverse().Select(i => ((ulong)i, new byte[48]))] }).Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        Assert.True(result.UnappraisedClaims.All.TryGet("pcr31", out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    public void Chains_of_other_lengths_verify(int authorities)
    {
        using NitroVendor vendor = new(MintedNitro.Now, authorities);
        MintedNitro.Of(vendor).Accepts();
    }

    [Fact]
    public void Only_three_zero_registers_make_a_debug_enclave()
    {
        foreach ((int count, bool debug) in new[] { (1, false), (2, false), (3, true), (16, true) })
        {
            VerificationResult result = Valid.With(f => f with { Pcrs = [.. f.Pcrs.Select((p, i) => (p.Index, i < count ? new byte[48] : p.Value))] }).Verify();
            Assert.True(result.IsAuthentic, result.Failure?.ToString());
            Assert.Equal(debug, result.UnappraisedClaims.Debug);
        }
    }

    [Fact]
    public void A_document_is_accepted_up_to_its_age_and_a_little_before_its_time()
    {
        (Valid with { At = MintedNitro.Now.AddHours(3) }).Accepts();
        MintedNitro early = Valid.With(f => f with { Timestamp = MintedNitro.Now.AddMinutes(5) });
        early.Accepts();
        (Valid with { At = MintedNitro.Now.AddMinutes(1), Limits = new NitroTimeLimits(TimeSpan.FromMinutes(1), TimeSpan.Zero) }).Accepts();
    }

    [Fact]
    public void Current_revocation_lists_that_name_nothing_of_the_chain_are_fine()
    {
        byte[][] lists = [.. Enumerable.Range(0, 4).Select(depth => MintedNitro.Vendor.IssueRevocationList(depth, MintedNitro.Now.AddDays(-1), MintedNitro.Now.AddDays(1)))];
        (Valid with { RevocationLists = lists }).Accepts();
    }
}
