using System.Security.Cryptography;
using System.Text;
using Cloister.AdminApi;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Collateral;
using RevocationList = Cloister.Attestation.Certificates.RevocationList;

namespace Cloister.Cli.Collateral;

/// <summary>One run of <c>cloister collateral fetch</c>: a folder for each model, written only when everything in it verifies. What fails leaves the folder that is there.</summary>
internal sealed class CollateralFetch(string directory, TrustAnchors anchors, DateTimeOffset now, HttpClient intel, PcsClientOptions service, KdsClient kds)
{
    private readonly PcsClient _standard = new(intel, service);
    private readonly PcsClient _early = new(intel, service with { EarlyUpdates = true });
    private readonly List<CollateralEntry> _entries = [];
    private readonly List<CollateralFailure> _failures = [];

    /// <summary>What was written.</summary>
    internal CollateralStatus Status => CollateralStatus.Of(now, _entries);

    /// <summary>What was not to be had.</summary>
    internal IReadOnlyList<CollateralFailure> Failures => _failures;

    /// <summary>A model of platforms by Intel.</summary>
    internal async Task ModelAsync(DcapCollateralKey key, CancellationToken cancellation)
    {
        if (await TryModelAsync(key, cancellation) is { } failure)
        {
            _failures.Add(failure);
        }
    }

    /// <summary>Everything of an FMSPC: for SGX and TDX, under both authorities, as far as there is any.</summary>
    internal async Task PlatformAsync(string fmspc, CancellationToken cancellation)
    {
        bool any = false;
        foreach (Tee tee in (Tee[])[Tee.Sgx, Tee.Tdx])
        {
            foreach (bool platform in (bool[])[true, false])
            {
                CollateralFailure? failure = await TryModelAsync(new DcapCollateralKey(tee, fmspc, platform), cancellation, mayBeAbsent: true);
                any |= failure is null;
                if (failure is { Problem.Length: > 0 })
                {
                    any = true;
                    _failures.Add(failure);
                }
            }
        }

        if (!any)
        {
            _failures.Add(new CollateralFailure(fmspc, false, $"{service.Service} has nothing for this FMSPC"));
        }
    }

    /// <summary>Authorities and revocation list of a product line by AMD.</summary>
    internal Task ProductAsync(SnpProductLine product, CancellationToken cancellation) =>
        SnpAsync(DirectorySnpSource.NameOf(product), product, SnpSigningKey.Vcek, vcek: null, cancellation);

    /// <summary>The certificate of the chip that made a report, with its authorities and revocation list.</summary>
    internal async Task ChipAsync(SnpReport report, CancellationToken cancellation)
    {
        string name = DirectorySnpSource.NameOf(report);
        if (report.SigningKey != SnpSigningKey.Vcek)
        {
            _failures.Add(new CollateralFailure(name, false, "the report is not signed by a VCEK: the guest has its provider's certificate and has to send it"));
            return;
        }

        try
        {
            IReadOnlyList<SnpProductLine> products = KdsSnpSource.ProductsOf(report);
            for (int i = 0; i < products.Count; i++)
            {
                try
                {
                    await SnpAsync(name, products[i], SnpSigningKey.Vcek, await kds.GetVcekAsync(report, products[i], cancellation), cancellation);
                    return;
                }
                catch (CollateralException e) when (e.Code == "http_status" && i < products.Count - 1)
                {
                    // Not this product line's.
                }
            }
        }
        catch (CollateralException e)
        {
            _failures.Add(new CollateralFailure(name, false, e.Message));
        }
    }

    private async Task<CollateralFailure?> TryModelAsync(DcapCollateralKey key, CancellationToken cancellation, bool mayBeAbsent = false)
    {
        string name = DirectoryCollateralSource.NameOf(key);
        DcapCollateral standard;
        CollateralEntry[] entries;
        try
        {
            (standard, entries) = await FetchAsync(_standard, key, early: false, cancellation);
        }
        catch (CollateralException e)
        {
            return new CollateralFailure(name, false, mayBeAbsent && e.Code == "http_status" ? "" : e.Message);
        }

        DcapCollateral? early = null;
        try
        {
            (early, CollateralEntry[] more) = await FetchAsync(_early, key, early: true, cancellation);
            entries = [.. entries, .. more];
        }
        catch (CollateralException e)
        {
            // What counts is written all the same; that one cannot look ahead with it is said.
            _failures.Add(new CollateralFailure(name, true, e.Message));
        }

        CollateralFolder.Replace(directory, name, CollateralFolder.FilesOf(standard, early));
        _entries.AddRange(entries);
        return null;
    }

    private async Task<(DcapCollateral Collateral, CollateralEntry[] Entries)> FetchAsync(PcsClient client, DcapCollateralKey key, bool early, CancellationToken cancellation)
    {
        DcapCollateral fetched = await client.GetAsync(key, cancellation);
        VerifiedDcapCollateral verified = DcapVerifier.VerifyCollateral(fetched, anchors, VerificationTime.At(now), out StepFailure? failure)
            ?? throw new CollateralException("not_authentic", $"what {service.Service} sent does not verify: {failure}");
        TcbInfo info = TcbInfo.Parse(fetched.TcbInfo);
        if (info.Tee != key.Tee || Convert.ToHexString(info.Fmspc.Span) != key.Fmspc)
        {
            throw new CollateralException("malformed", $"{service.Service} sent TCB info of {TeeNames.NameOf(info.Tee)} {Convert.ToHexString(info.Fmspc.Span)}");
        }

        return (fetched, [.. verified.Items.Select(item => CollateralListing.Entry(DirectoryCollateralSource.NameOf(key), early, service.Service.ToString(), item))]);
    }

    private async Task SnpAsync(string name, SnpProductLine product, SnpSigningKey kind, Certificate? vcek, CancellationToken cancellation)
    {
        try
        {
            IReadOnlyList<Certificate> authorities = await kds.GetAuthoritiesAsync(product, kind, cancellation);
            RevocationList crl = await kds.GetRevocationListAsync(product, kind, cancellation);
            Check(authorities, crl, vcek);
            List<(string, ReadOnlyMemory<byte>)> files = [("ca_chain.pem", Pem(authorities)), ("crl.der", crl.Der), .. vcek is null ? [] : (ReadOnlySpan<(string, ReadOnlyMemory<byte>)>)[("vcek.der", vcek.Der)]];
            CollateralFolder.Replace(directory, name, files);
            CollateralItem[] items = [CollateralItem.Of("ca_chain", authorities), CollateralItem.Of("crl", crl), .. vcek is null ? [] : (CollateralItem[])[CollateralItem.Of("vcek", [vcek])]];
            _entries.AddRange(items.Select(item => CollateralListing.Entry(name, false, "AMD", item)));
        }
        catch (CollateralException e) when (vcek is null)
        {
            _failures.Add(new CollateralFailure(name, false, e.Message));
        }
        catch (EvidenceFormatException e)
        {
            _failures.Add(new CollateralFailure(name, false, e.Message));
        }
    }

    // ASK under a pinned ARK, the ARK's list, current, which revokes neither; and the chip's certificate under the ASK.
    private void Check(IReadOnlyList<Certificate> authorities, RevocationList crl, Certificate? vcek)
    {
        if (authorities.FirstOrDefault(one => one.IsSelfIssued) is not { } ark || authorities.FirstOrDefault(one => !one.IsSelfIssued) is not { } ask)
        {
            throw new CollateralException("malformed", "the chain is not an ASK and an ARK");
        }

        Certificate[] chain = vcek is null ? [ask, ark] : [vcek, ask, ark];
        VerificationTime time = VerificationTime.At(now);
        StepFailure? failure = CertificatePath.Check("certificate_chain", chain, anchors, time) ?? CertificateRevocation.Check("revocation", chain, [crl], time);
        if (failure is not null)
        {
            throw new CollateralException("not_authentic", failure.ToString());
        }
    }

    private static byte[] Pem(IReadOnlyList<Certificate> chain) =>
        Encoding.ASCII.GetBytes(string.Concat(chain.Select(one => PemEncoding.WriteString("CERTIFICATE", one.Der.Span) + "\n")));
}
