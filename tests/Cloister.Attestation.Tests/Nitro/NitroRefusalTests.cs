using System.Formats.Cbor;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Simulator.Nitro;

namespace Cloister.Attestation.Tests.Nitro;

/// <summary>Every failure of every step, by minted documents that are right, and rightly signed, in all other respects.</summary>
public sealed class NitroRefusalTests
{
    private static readonly MintedNitro Valid = new();

    [Fact]
    public void The_steps_are_those_of_the_check_list_in_its_order() =>
        Assert.Equal(["document_format", "cose_algorithm", "pcrs", "timestamp", "certificate_chain", "revocation", "document_signature"], NitroVerifier.StepNames);

    [Theory]
    [InlineData(-7)]
    [InlineData(-34)]
    [InlineData(-36)]
    [InlineData(0)]
    public void Another_algorithm(int algorithm) => Valid.With(f => f with { Algorithm = algorithm }).Refuses("cose_algorithm", "unknown_algorithm");

    [Fact]
    public void Another_digest() => Valid.With(f => f with { Digest = "SHA256" }).Refuses("pcrs", "unknown_digest");

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void Registers_of_another_digests_size(int size) =>
        Valid.With(f => f with { Pcrs = [.. f.Pcrs.Take(8), (9, new byte[size])] }).Refuses("pcrs", "wrong_size");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_missing_register(ulong index) =>
        Valid.With(f => f with { Pcrs = [.. f.Pcrs.Where(p => p.Index != index)] }).Refuses("pcrs", "missing_pcr");

    [Theory]
    [InlineData(0)]
    [InlineData(47)]
    [InlineData(49)]
    [InlineData(65)]
    public void Registers_of_no_digests_size(int size) =>
        Valid.With(f => f with { Pcrs = [.. f.Pcrs, (16, new byte[size])] }).Refuses("document_format", "malformed");

    [Fact]
    public void Registers_that_are_none_twice_or_beyond_31()
    {
        Valid.With(f => f with { Pcrs = [] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { Pcrs = [.. f.Pcrs, (0, new byte[48])] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { Pcrs = [.. f.Pcrs, (32, new byte[48])] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { Pcrs = [.. f.Pcrs, (ulong.MaxValue, new byte[48])] }).Refuses("document_format", "malformed");
    }

    [Fact]
    public void Fields_that_are_missing_empty_unknown_or_too_long()
    {
        Valid.With(f => f with { ModuleId = null }).Refuses("document_format", "malformed");
        Valid.With(f => f with { ModuleId = "" }).Refuses("document_format", "malformed");
        Valid.With(f => f with { Digest = "" }).Refuses("document_format", "malformed");
        Valid.With(f => f with { Extra = [("extra", "1")] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { Extra = [("module_id", "i-0other-enc0")] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { PublicKey = [] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { PublicKey = new byte[1025] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { UserData = new byte[513] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { Nonce = new byte[513] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { CaBundle = [] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { CaBundle = [.. f.CaBundle, []] }).Refuses("document_format", "malformed");
        Valid.With(f => f with { CaBundle = [.. f.CaBundle, new byte[1025]] }).Refuses("document_format", "malformed");
    }

    [Fact]
    public void Messages_of_another_shape()
    {
        byte[] document = Valid.Document();
        Valid.Refuses([.. document, 0], "document_format", "malformed");
        Valid.Refuses([0xD1, .. document], "document_format", "malformed");
        Valid.Refuses([0xD2, 0xD2, .. document], "document_format", "malformed");
        Valid.Refuses([0x9F, .. document[1..], 0xFF], "document_format", "malformed");
        Valid.Refuses([0x83, .. document[1..]], "document_format", "malformed");
        Valid.Refuses([0x84, 0x43, 0xA0, 0x00, 0x00, .. document[6..]], "document_format", "malformed");

        // An unprotected header is not signed, so nothing may stand in it. It follows the four bytes of the protected one.
        Assert.Equal(0xA0, document[6]);
        Valid.Refuses([.. document[..6], 0xA1, 0x04, 0x41, 0x31, .. document[7..]], "document_format", "malformed");
        Valid.Refuses([.. document[..6], 0xA1, 0x01, 0x38, 0x22, .. document[7..]], "document_format", "malformed");
    }

    [Fact]
    public void A_protected_header_with_more_than_the_algorithm()
    {
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        byte[] document = Valid.Fields.Sign(signer);
        Valid.Refuses([0x84, 0x47, 0xA2, 0x01, 0x38, 0x22, 0x04, 0x41, 0x31, .. document[6..]], "document_format", "malformed");
        Valid.Refuses([0x84, 0x44, 0xA1, 0x02, 0x38, 0x22, .. document[6..]], "document_format", "malformed");
    }

    [Fact]
    public void A_payload_with_bytes_behind_it()
    {
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        byte[] payload = [.. Valid.Fields.Payload(signer.Certificate), 0x00];
        Valid.Refuses(Valid.Fields.Wrap(payload, signer.Key), "document_format", "malformed");
    }

    [Fact]
    public void A_string_in_chunks()
    {
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        CborWriter writer = new(CborConformanceMode.Lax);
        writer.WriteStartMap(1);
        writer.WriteStartIndefiniteLengthTextString();
        writer.WriteTextString("module_id");
        writer.WriteEndIndefiniteLengthTextString();
        writer.WriteTextString("i-0");
        writer.WriteEndMap();
        Valid.Refuses(Valid.Fields.Wrap(writer.Encode(), signer.Key), "document_format", "malformed");
    }

    [Fact]
    public void Timestamps_out_of_range_early_and_late()
    {
        Valid.With(f => f with { Timestamp = DateTimeOffset.UnixEpoch }).Refuses("timestamp", "out_of_range");
        Valid.With(f => f with { Timestamp = MintedNitro.Now.AddMinutes(5).AddMilliseconds(1) }).Refuses("timestamp", "in_the_future");
        (Valid with { At = MintedNitro.Now.AddHours(3).AddMilliseconds(1) }).Refuses("timestamp", "too_old");
        (Valid with { At = MintedNitro.Now.AddMinutes(2), Limits = new NitroTimeLimits(TimeSpan.FromMinutes(1), TimeSpan.Zero) }).Refuses("timestamp", "too_old");
        Valid.With(f => f with { Timestamp = MintedNitro.Now.AddDays(-400) }).Refuses("timestamp", "too_old");
    }

    [Fact]
    public void A_document_made_outside_its_certificates_validity()
    {
        Valid.With(f => f with { Timestamp = MintedNitro.Now.AddSeconds(-4) }).Refuses("certificate_chain", "not_valid_when_made");
        (Valid with { Request = new NitroSignerRequest { NotAfter = MintedNitro.Now.AddMinutes(1) } })
            .With(f => f with { Timestamp = MintedNitro.Now.AddMinutes(2) }).Refuses("certificate_chain", "not_valid_when_made");
    }

    [Fact]
    public void A_certificate_that_is_expired_or_not_yet_valid_at_the_verifiers_time()
    {
        (Valid with { Request = new NitroSignerRequest { NotAfter = MintedNitro.Now.AddMinutes(1) }, At = MintedNitro.Now.AddMinutes(2) }).Refuses("certificate_chain", "expired");
        (Valid with { At = MintedNitro.Now.AddSeconds(-4) }).Refuses("certificate_chain", "not_yet_valid");
    }

    [Fact]
    public void Signers_that_may_not_sign_documents()
    {
        (Valid with { Request = new NitroSignerRequest { IsAuthority = true } }).Refuses("certificate_chain", "leaf_is_authority");
        (Valid with { Request = new NitroSignerRequest { KeyUsage = X509KeyUsageFlags.KeyCertSign } }).Refuses("certificate_chain", "key_usage");
        (Valid with { Request = new NitroSignerRequest { WithUnknownCriticalExtension = true } }).Refuses("certificate_chain", "critical_extension");
    }

    [Fact]
    public void A_P256_certificate()
    {
        (Valid with { Request = new NitroSignerRequest { WithP256Key = true } }).Refuses("document_format", "malformed");
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        using NitroSigner weak = Valid.From.IssueSigner(new NitroSignerRequest { WithP256Key = true });
        Valid.Refuses(Valid.Fields.Wrap(Valid.Fields.Payload(weak.Certificate), signer.Key), "certificate_chain", "wrong_algorithm");
    }

    [Fact]
    public void Bundles_in_another_order_or_incomplete()
    {
        Valid.With(f => f with { CaBundle = [.. f.CaBundle.Reverse()] }).Refuses("certificate_chain", "untrusted_root");
        Valid.With(f => f with { CaBundle = [f.CaBundle[0], f.CaBundle[2], f.CaBundle[1], f.CaBundle[3]] }).Refuses("certificate_chain", "path_length");
        Valid.With(f => f with { CaBundle = [f.CaBundle[0], .. f.CaBundle.Skip(2)] }).Refuses("certificate_chain", "bad_signature");
        Valid.With(f => f with { CaBundle = [.. f.CaBundle.Take(3)] }).Refuses("certificate_chain", "bad_signature");
        Valid.With(f => f with { CaBundle = [.. f.CaBundle.Skip(1)] }).Refuses("certificate_chain", "untrusted_root");
    }

    [Fact]
    public void Path_lengths_that_are_too_short()
    {
        using NitroVendor vendor = new(MintedNitro.Now, authorities: 4, pathLengthSlack: -2);
        MintedNitro.Of(vendor).Refuses("certificate_chain", "path_length");
    }

    [Fact]
    public void Another_root()
    {
        (Valid with { Anchors = TrustAnchors.Aws }).Refuses("certificate_chain", "untrusted_root");
        using NitroVendor other = new(MintedNitro.Now);
        (MintedNitro.Of(other) with { Anchors = TrustAnchors.Of(Certificate.Parse(MintedNitro.Vendor.Root)) }).Refuses("certificate_chain", "untrusted_root");

        // The pinned root put before a chain that it did not issue.
        (MintedNitro.Of(other) with { Anchors = TrustAnchors.Of(Certificate.Parse(MintedNitro.Vendor.Root)) })
            .With(f => f with { CaBundle = [MintedNitro.Vendor.Root, .. f.CaBundle.Skip(1)] }).Refuses("certificate_chain", "bad_signature");
    }

    [Fact]
    public void Revoked_certificates_and_lists_that_are_stale_early_or_anothers()
    {
        NitroVendor vendor = MintedNitro.Vendor;
        DateTimeOffset from = MintedNitro.Now.AddDays(-1);
        DateTimeOffset until = MintedNitro.Now.AddDays(1);
        (Valid with { RevocationLists = [vendor.IssueRevocationList(0, from, until, vendor.Bundle[1])] }).Refuses("revocation", "revoked");
        (Valid with { RevocationLists = [vendor.IssueRevocationList(1, from, until), vendor.IssueRevocationList(2, from, until, vendor.Bundle[3])] }).Refuses("revocation", "revoked");
        (Valid with { RevocationLists = [vendor.IssueRevocationList(0, from, from.AddHours(1))] }).Refuses("revocation", "expired");
        (Valid with { RevocationLists = [vendor.IssueRevocationList(0, until, until.AddDays(1))] }).Refuses("revocation", "not_yet_valid");
        using NitroVendor other = new(MintedNitro.Now);
        (Valid with { RevocationLists = [other.IssueRevocationList(0, from, until)] }).Refuses("revocation", "bad_signature");
    }

    [Fact]
    public void A_document_signed_by_another_enclave()
    {
        using NitroSigner one = Valid.From.IssueSigner(Valid.Request);
        using NitroSigner other = Valid.From.IssueSigner(Valid.Request);
        Valid.Refuses(Valid.Fields.Wrap(Valid.Fields.Payload(one.Certificate), other.Key), "document_signature", "bad_signature");
    }
}
