using System.Numerics;
using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Simulator.Nitro;

namespace Cloister.Attestation.Tests.Nitro;

/// <summary>Bugs that other Nitro verifiers had, each by the name it is known by.</summary>
public sealed class NitroKnownBugTests
{
    private static readonly MintedNitro Valid = new();

    [Fact]
    public void World_chain_956_the_root_is_the_first_of_the_bundle_not_the_last()
    {
        // A chain of the attacker's that ends, or begins, with the real root in the place where nobody looks.
        using NitroVendor attacker = new(MintedNitro.Now);
        TrustAnchors anchors = TrustAnchors.Of(Certificate.Parse(MintedNitro.Vendor.Root));
        MintedNitro forged = MintedNitro.Of(attacker) with { Anchors = anchors };
        forged.With(f => f with { CaBundle = [.. f.CaBundle, MintedNitro.Vendor.Root] }).Refuses("certificate_chain", "untrusted_root");
        forged.With(f => f with { CaBundle = [.. f.CaBundle.Reverse()] }).Refuses("certificate_chain", "untrusted_root");
        forged.With(f => f with { CaBundle = [MintedNitro.Vendor.Root, .. f.CaBundle] }).Refuses("certificate_chain", "bad_signature");
    }

    [Fact]
    public void World_chain_698_verify_does_the_cryptography()
    {
        byte[] document = Valid.Document();
        document[^1] ^= 1;
        Valid.Refuses(document, "document_signature", "bad_signature");
        using NitroVendor other = new(MintedNitro.Now);
        (MintedNitro.Of(other) with { Anchors = TrustAnchors.Of(Certificate.Parse(MintedNitro.Vendor.Root)) }).Refuses("certificate_chain", "untrusted_root");
    }

    [Fact]
    public void Base_4042_a_debug_enclave_says_so()
    {
        VerificationResult result = Valid.With(f => f with { Pcrs = [.. f.Pcrs.Select(p => (p.Index, new byte[48]))] }).Verify();
        Assert.True(result.UnappraisedClaims?.Debug);
    }

    [Fact]
    public void Hashi_666_a_zero_register_is_a_claim_and_a_missing_one_is_refused()
    {
        VerificationResult result = Valid.With(f => f with { Pcrs = [(0, new byte[48]), .. f.Pcrs.Skip(1)] }).Verify();
        Assert.True(result.IsAuthentic);
        Assert.True(result.UnappraisedClaims.All.TryGet("pcr0", out ClaimValue? value));
        Assert.Equal(new string('0', 96), value.ToString());
        Valid.With(f => f with { Pcrs = [.. f.Pcrs.Skip(1)] }).Refuses("pcrs", "missing_pcr");
    }

    [Fact]
    public void CVE_2022_0317_go_attestation_a_document_over_no_registers_is_refused() => Valid.With(f => f with { Pcrs = [] }).Refuses("document_format", "malformed");

    [Fact]
    public void ECDSA_is_malleable_so_a_signature_identifies_nothing()
    {
        // (r, n - s) is as good as (r, s): both verify, with the same claims. Replay caches must go by the content.
        BigInteger order = BigInteger.Parse(
            "00ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
            System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        byte[] document = Valid.Document();
        BigInteger s = new(document.AsSpan(^48..), isUnsigned: true, isBigEndian: true);
        byte[] twin = [.. document[..^48], .. Enumerable.Repeat((byte)0, 48)];
        byte[] flipped = (order - s).ToByteArray(isUnsigned: true, isBigEndian: true);
        flipped.CopyTo(twin, twin.Length - flipped.Length);
        Assert.True(Valid.Verify(document).IsAuthentic);
        Assert.True(Valid.Verify(twin).IsAuthentic);
        Assert.Equal(CoseSign1.Parse(document).Payload.ToArray(), CoseSign1.Parse(twin).Payload.ToArray());
        Assert.NotEqual(document, twin);
    }
}
