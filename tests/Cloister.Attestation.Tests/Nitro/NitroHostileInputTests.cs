using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Simulator.Nitro;

namespace Cloister.Attestation.Tests.Nitro;

/// <summary>Bytes made to hurt: each refused by a step with a code, without an exception, in time.</summary>
public sealed class NitroHostileInputTests
{
    private static readonly MintedNitro Valid = new();

    public static TheoryData<string> Samples => ["minted", .. EvidenceDirectory.Cases("nitro").Select(d => Path.GetFileName(d))];

    [Theory, MemberData(nameof(Samples))]
    public void Every_flipped_byte_is_refused(string sample)
    {
        (byte[] document, TrustAnchors anchors, VerificationTime time) = Sample(sample);

        // Certificates seen once need no second verification, or this test would take a minute.
        VerifiedSignatures verified = new();
        Assert.True(NitroVerifier.Verify(document, anchors, time, verified: verified).IsAuthentic);
        for (int i = 0; i < document.Length; i++)
        {
            byte[] flipped = [.. document];
            flipped[i] ^= (byte)(1 << (i % 8));
            VerificationResult result = NitroVerifier.Verify(flipped, anchors, time, verified: verified);
            Assert.False(result.IsAuthentic, $"offset {i}");
            Assert.NotEmpty(result.Failure.Code);
        }
    }

    [Theory, MemberData(nameof(Samples))]
    public void Every_truncation_is_malformed(string sample)
    {
        (byte[] document, TrustAnchors anchors, VerificationTime time) = Sample(sample);
        for (int length = 0; length < document.Length; length++)
        {
            VerificationResult result = NitroVerifier.Verify(document.AsMemory(0, length), anchors, time);
            Assert.Equal(("document_format", "malformed"), (result.Failure?.Step, result.Failure?.Code));
        }
    }

    [Fact]
    public void Every_truncated_payload_is_malformed()
    {
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        byte[] payload = Valid.Fields.Payload(signer.Certificate);
        for (int length = 0; length < payload.Length; length++)
        {
            Assert.Throws<EvidenceFormatException>(() => NitroDocument.Parse(payload.AsMemory(0, length)));
        }
    }

    [Fact]
    public void Noise_is_malformed()
    {
        Random random = new(7);
        for (int round = 0; round < 200; round++)
        {
            byte[] noise = new byte[round < 4 ? 64 * 1024 : round < 12 ? 16 * 1024 : random.Next(2048)];
            random.NextBytes(noise);
            if (round % 2 == 0 && noise.Length > 12)
            {
                // As far into the format as its first bytes lead.
                ((ReadOnlySpan<byte>)[0x84, 0x44, 0xA1, 0x01, 0x38, 0x22, 0xA0, 0x59]).CopyTo(noise);
            }

            Valid.Refuses(noise, "document_format", "malformed");
        }
    }

    [Theory]
    [InlineData(0x81)]
    [InlineData(0x9F)]
    [InlineData(0xA1)]
    [InlineData(0xBF)]
    [InlineData(0xC1)]
    [InlineData(0x5F)]
    [InlineData(0xD2)]
    public void Deep_nesting_is_malformed_everywhere(byte opener)
    {
        byte[] deep = [.. Enumerable.Repeat(opener, 16_000)];
        Valid.Refuses(deep, "document_format", "malformed");
        byte[] document = Valid.Document();
        Valid.Refuses([.. document[..6], .. deep], "document_format", "malformed");
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        Valid.Refuses(Valid.Fields.Wrap(deep, signer.Key), "document_format", "malformed");
        Valid.Refuses(Valid.Fields.Wrap([0xBF, 0x64, .. "pcrs"u8, .. deep], signer.Key), "document_format", "malformed");
        Valid.Refuses(Valid.Fields.Wrap([0xBF, 0x68, .. "cabundle"u8, .. deep], signer.Key), "document_format", "malformed");
    }

    [Fact]
    public void Declared_lengths_beyond_the_data_are_malformed_and_cost_nothing()
    {
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        foreach (byte major in (byte[])[0x40, 0x60, 0x80, 0xA0])
        {
            byte[] huge = [(byte)(major | 0x1B), 0x00, 0x00, 0x00, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0x00];
            long before = GC.GetAllocatedBytesForCurrentThread();
            Valid.Refuses(huge, "document_format", "malformed");
            Valid.Refuses(Valid.Fields.Wrap(huge, signer.Key), "document_format", "malformed");
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000);
        }
    }

    [Fact]
    public void A_message_or_payload_above_the_limit_is_malformed()
    {
        Valid.Refuses(new byte[CoseSign1.MaximumLength + 1], "document_format", "malformed");
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        Valid.Refuses(Valid.Fields.Wrap(new byte[CoseSign1.MaximumPayload + 1], signer.Key), "document_format", "malformed");
    }

    [Theory]
    [InlineData(100, "document_format", "malformed")]
    [InlineData(20, "certificate_chain", "chain_length")]
    [InlineData(10, "certificate_chain", "chain_length")]
    public void Long_bundles_are_refused(int count, string step, string code) =>
        Valid.With(f => f with { CaBundle = [.. Enumerable.Repeat(f.CaBundle[0], count)] }).Refuses(step, code);

    [Fact]
    public void A_chain_of_one_is_refused()
    {
        // The root as its own enclave: no signer below it, and an authority may not sign documents.
        Valid.With(f => f with { CaBundle = [] }).Refuses("document_format", "malformed");
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        NitroDocumentFields self = Valid.Fields with { CaBundle = [Valid.From.Root] };
        Valid.Refuses(self.Wrap(self.Payload(Valid.From.Root), signer.Key), "certificate_chain", "leaf_is_authority");
        NitroDocumentFields leafOnly = Valid.Fields with { CaBundle = [signer.Certificate] };
        Valid.Refuses(leafOnly.Sign(signer), "certificate_chain", "untrusted_root");
    }

    [Fact]
    public void Certificates_that_are_none_are_malformed()
    {
        using NitroSigner signer = Valid.From.IssueSigner(Valid.Request);
        foreach (byte[] junk in (byte[][])[[0x30], [0x30, 0x80], new byte[1024], [.. Enumerable.Repeat((byte)0x30, 1024)]])
        {
            Valid.Refuses(Valid.Fields.Wrap(Valid.Fields.Payload(junk), signer.Key), "certificate_chain", "malformed");
            Valid.With(f => f with { CaBundle = [junk, .. f.CaBundle.Skip(1)] }).Refuses("certificate_chain", "malformed");
        }
    }

    private static (byte[] Document, TrustAnchors Anchors, VerificationTime Time) Sample(string name)
    {
        if (name == "minted")
        {
            return (Valid.Document(), TrustAnchors.Of(Certificate.Parse(Valid.From.Root)), VerificationTime.At(MintedNitro.Now));
        }

        NitroCase evidence = NitroCase.Get(name);
        return (evidence.Document, TrustAnchors.Aws, evidence.ReferenceTime);
    }
}
