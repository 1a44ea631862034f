using System.Globalization;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Simulator.Nitro;

namespace Cloister.Attestation.Tests.Nitro;

/// <summary>A minted Nitro document of a valid kind, with every part open to be made wrong.</summary>
internal sealed record MintedNitro
{
    public static readonly DateTimeOffset Now = DateTimeOffset.Parse("2026-06-01T00:00:00Z", CultureInfo.InvariantCulture);

    public static readonly NitroVendor Vendor = new(Now);

    public NitroVendor From { get; init; } = Vendor;

    public NitroSignerRequest Request { get; init; } = new();

    public NitroDocumentFields Fields { get; init; } = new() { Timestamp = Now, CaBundle = Vendor.Bundle };

    public DateTimeOffset At { get; init; } = Now;

    public TrustAnchors? Anchors { get; init; }

    public IReadOnlyList<byte[]> RevocationLists { get; init; } = [];

    public NitroTimeLimits? Limits { get; init; }

    /// <summary>Valid documents of another vendor of that many authorities.</summary>
    public static MintedNitro Of(NitroVendor vendor) => new() { From = vendor, Fields = new NitroDocumentFields { Timestamp = Now, CaBundle = vendor.Bundle } };

    public MintedNitro With(Func<NitroDocumentFields, NitroDocumentFields> change) => this with { Fields = change(Fields) };

    public byte[] Document()
    {
        using NitroSigner signer = From.IssueSigner(Request);
        return Fields.Sign(signer);
    }

    public VerificationResult Verify() => Verify(Document());

    public VerificationResult Verify(byte[] document) => NitroVerifier.Verify(
        document,
        Anchors ?? TrustAnchors.Of(Certificate.Parse(From.Root)),
        VerificationTime.At(At),
        [.. RevocationLists.Select(der => RevocationList.Parse(der))],
        Limits);

    public void Accepts()
    {
        VerificationResult result = Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
    }

    public void Refuses(string step, string code) => Refuses(Document(), step, code);

    public void Refuses(byte[] document, string step, string code)
    {
        VerificationResult result = Verify(document);
        Assert.False(result.IsAuthentic);
        Assert.Null(result.UnappraisedClaims);
        Assert.Equal((step, code), (result.Failure.Step, result.Failure.Code));
    }
}
