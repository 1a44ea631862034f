using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>A simulated vendor that several processes share through a directory.</summary>
public sealed class DcapVendorDirectoryTests : IDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly string _directory = Directory.CreateTempSubdirectory("cloister-vendor-").FullName;

    [Fact]
    public void Quotes_verify_with_the_directorys_collateral_and_root_and_with_no_other_root()
    {
        using DcapPlatform platform = DcapVendorDirectory.Open(_directory, Now);
        byte[] quote = platform.QuoteSgx(new EnclaveReportFields { ReportData = MintedDcap.Bytes(64, 7) });

        Assert.True(Verify(quote, Root()).IsAuthentic);
        Assert.False(Verify(quote, TrustAnchors.Intel).IsAuthentic);
    }

    [Fact]
    public void A_second_process_is_the_same_platform()
    {
        using DcapPlatform first = DcapVendorDirectory.Open(_directory, Now);
        using DcapPlatform second = DcapVendorDirectory.Open(_directory, Now);

        Assert.Equal(first.PckChain[0].Der.ToArray(), second.PckChain[0].Der.ToArray());
        Assert.True(Verify(second.QuoteSgx(new EnclaveReportFields()), Root()).IsAuthentic);
    }

    [Fact]
    public void Many_at_once_make_one_vendor()
    {
        DcapPlatform[] platforms = new DcapPlatform[8];
        Parallel.For(0, platforms.Length, i => platforms[i] = DcapVendorDirectory.Open(_directory, Now));

        Assert.All(platforms, platform => Assert.True(Verify(platform.QuoteSgx(new EnclaveReportFields()), Root()).IsAuthentic));
        Assert.All(platforms, platform => platform.Dispose());
    }

    [Fact]
    public void Collateral_is_made_again_before_it_ends()
    {
        DcapVendorDirectory.Open(_directory, Now).Dispose();
        File.SetLastWriteTimeUtc(Path.Combine(_directory, DcapVendorDirectory.CollateralFolder, "root_ca_crl.der"), Now.UtcDateTime.AddDays(-16));
        using DcapPlatform later = DcapVendorDirectory.Open(_directory, Now.AddDays(25));

        Assert.True(Verify(later.QuoteSgx(new EnclaveReportFields()), Root(), Now.AddDays(50)).IsAuthentic);
    }

    [Fact]
    public void Keys_are_their_owners_only()
    {
        DcapVendorDirectory.Open(_directory, Now).Dispose();

        Assert.All(Directory.GetFiles(_directory, "UNPROTECTED-*"), path => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path)));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private TrustAnchors Root() => TrustAnchors.Of(PemCertificates.Parse(File.ReadAllBytes(Path.Combine(_directory, DcapVendorDirectory.RootFile))));

    private VerificationResult Verify(byte[] quote, TrustAnchors anchors, DateTimeOffset? at = null) => DcapVerifier.Verify(
        Tee.Sgx, quote, CollateralDirectory.ReadDcap(Path.Combine(_directory, DcapVendorDirectory.CollateralFolder)), anchors, VerificationTime.At(at ?? Now));
}
