using System.Diagnostics;
using System.Text;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Inspect;
using Cloister.Attestation.Tests.Hostile;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>Bad input: refused with step and code, nothing escapes, memory and time bounded.</summary>
public sealed class DcapHostileInputTests
{
    private static readonly VerificationTime Now = VerificationTime.At(MintedDcap.Now);
    private static readonly DcapCollateral Collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral);
    private static readonly VerifiedDcapCollateral Verified = DcapVerifier.VerifyCollateral(Collateral, MintedDcap.Vendor.Anchors, Now, out _)!;
    private static readonly byte[] Quote = MintedDcap.Platform.Quote(MintedDcap.SgxQuote);

    [Fact]
    public void Every_flip_of_a_signed_byte_is_refused()
    {
        // Header, body, signature, key, QE report and its signature, authentication data; then the certificates.
        for (int i = 0; i < Quote.Length; i++)
        {
            bool isUnsignedHeader = i is >= 432 and < 436;
            byte[] flipped = (byte[])Quote.Clone();
            flipped[i] ^= (byte)(1 << (i % 8));
            VerificationResult result = DcapVerifier.Verify(Tee.Sgx, flipped, Verified, Now);
            if (i < 1046 || isUnsignedHeader)
            {
                Assert.False(result.IsAuthentic, $"byte {i}");
            }
        }
    }

    [Fact]
    public void Every_flip_of_a_tdx_body_byte_is_refused()
    {
        DcapCollateral collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.TdxCollateral);
        VerifiedDcapCollateral verified = DcapVerifier.VerifyCollateral(collateral, MintedDcap.Vendor.Anchors, Now, out _)!;
        byte[] quote = MintedDcap.Platform.Quote(MintedDcap.Tdx15(new TdReportFields { TeeTcbSvn2 = new byte[] { 5, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } }));
        Assert.True(DcapVerifier.Verify(Tee.Tdx, quote, verified, Now).IsAuthentic);
        for (int i = 0; i < 702; i++)
        {
            byte[] flipped = (byte[])quote.Clone();
            flipped[i] ^= (byte)(1 << (i % 8));
            Assert.False(DcapVerifier.Verify(Tee.Tdx, flipped, verified, Now).IsAuthentic, $"byte {i}");
        }
    }

    [Fact]
    public void Truncation_at_every_length_is_refused()
    {
        for (int length = 0; length < Quote.Length; length++)
        {
            Assert.Equal("malformed", DcapVerifier.Verify(Tee.Sgx, Quote.AsMemory(0, length), Verified, Now).Failure?.Code);
        }
    }

    [Fact]
    public void Truncated_collateral_is_refused_at_every_length()
    {
        foreach ((ReadOnlyMemory<byte> file, Func<ReadOnlyMemory<byte>, DcapCollateral> with) in Files())
        {
            for (int length = 0; length < file.Length; length += 1 + (file.Length / 400))
            {
                VerificationResult result = DcapVerifier.Verify(Tee.Sgx, Quote, with(file[..length]), MintedDcap.Vendor.Anchors, Now);

                // PEM may lose its last line break and still be PEM.
                Assert.True(!result.IsAuthentic || length >= file.Length - 2, $"{length} of {file.Length}");
            }
        }
    }

    [Fact]
    public void Every_flip_in_collateral_is_refused()
    {
        foreach ((ReadOnlyMemory<byte> file, Func<ReadOnlyMemory<byte>, DcapCollateral> with) in Files())
        {
            for (int i = 0; i < file.Length; i += 1 + (file.Length / 400))
            {
                byte[] flipped = file.ToArray();
                flipped[i] ^= (byte)(1 << (i % 7));
                VerificationResult result = DcapVerifier.Verify(Tee.Sgx, Quote, with(flipped), MintedDcap.Vendor.Anchors, Now);

                // White space between PEM lines and the case of the signature's hex digits carry nothing.
                bool carriesNothing = flipped[i] is (byte)'\n' or (byte)'\r' or (byte)' ' or (byte)'\t' || file.Span[i] == '\n' || char.ToLowerInvariant((char)flipped[i]) == char.ToLowerInvariant((char)file.Span[i]);
                Assert.True(!result.IsAuthentic || carriesNothing, $"byte {i} of {file.Length}");
            }
        }
    }

    [Fact]
    public void Noise_is_refused()
    {
        Random random = new(20260301);
        byte[] noise = new byte[64 * 1024];
        for (int round = 0; round < 200; round++)
        {
            random.NextBytes(noise);
            int length = random.Next(noise.Length + 1);
            Assert.False(DcapVerifier.Verify(Tee.Sgx, noise.AsMemory(0, length), Collateral, MintedDcap.Vendor.Anchors, Now).IsAuthentic);

            // With a header that looks right, so that the rest is reached.
            Quote.AsSpan(0, 48).CopyTo(noise);
            Assert.False(DcapVerifier.Verify(Tee.Sgx, noise.AsMemory(0, length), Collateral, MintedDcap.Vendor.Anchors, Now).IsAuthentic);
        }
    }

    [Fact]
    public void Hostile_lengths_allocate_nothing()
    {
        byte[] huge = (byte[])Quote.Clone();
        foreach ((int offset, int length) in ((int, int)[])[(432, 4), (1012, 2), (1048, 4)])
        {
            byte[] changed = (byte[])huge.Clone();
            changed.AsSpan(offset, length).Fill(0xFF);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal("malformed", DcapVerifier.Verify(Tee.Sgx, changed, Verified, Now).Failure?.Code);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024);
        }
    }

    [Fact]
    public void Chains_of_one_and_of_a_hundred_certificates_and_long_json_take_bounded_time()
    {
        Stopwatch watch = Stopwatch.StartNew();
        IReadOnlyList<Certificate> chain = MintedDcap.Platform.PckChain;
        Assert.False(MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [chain[0]] }).IsAuthentic);
        Assert.False(MintedDcap.VerifySgx(MintedDcap.SgxQuote with { Chain = [.. Enumerable.Repeat(chain[1], 100)] }).IsAuthentic);
        foreach (string json in (string[])
        [
            new('[', 1_000_000), new('{', 1_000_000), "{\"tcbInfo\":" + new string('[', 500_000) + new string(']', 500_000) + "}",
            "{\"tcbInfo\":{\"fmspc\":\"" + new string('0', 1_000_000) + "\"},\"signature\":\"00\"}", "{" + string.Join(',', Enumerable.Range(0, 50_000).Select(i => $"\"k{i}\":1")) + "}",
            "{\"tcbInfo\":{\"tcbLevels\":[" + string.Join(',', Enumerable.Repeat("{\"tcb\":{}}", 90_000)) + "]},\"signature\":\"" + new string('0', 128) + "\"}",
            new(' ', 1_000_000), "{\"tcbInfo\":{},\"signature\":\"" + new string('0', 128) + "\"}" + new string(' ', 1_000_000),
        ])
        {
            Assert.Equal("parse_collateral", DcapVerifier.Verify(Tee.Sgx, Quote, Collateral with { TcbInfo = Encoding.ASCII.GetBytes(json) }, MintedDcap.Vendor.Anchors, Now).Failure?.Step);
            Assert.Throws<EvidenceFormatException>(() => EnclaveIdentity.Parse(Encoding.ASCII.GetBytes(json)));
        }

        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void Deeply_nested_der_is_refused()
    {
        foreach (int depth in (int[])[10, 1000, 4000])
        {
            byte[] der = [];
            for (int i = 0; i < depth && der.Length < 15_000; i++)
            {
                der = der.Length switch
                {
                    < 0x80 => [0x30, (byte)der.Length, .. der],
                    < 0x100 => [0x30, 0x81, (byte)der.Length, .. der],
                    _ => [0x30, 0x82, (byte)(der.Length >> 8), (byte)(der.Length & 0xFF), .. der],
                };
            }

            Assert.Throws<EvidenceFormatException>(() => Certificate.Parse(der));
            Assert.Throws<EvidenceFormatException>(() => RevocationList.Parse(der));
        }
    }

    [Fact]
    public void A_mutated_quote_is_refused_or_says_the_same()
    {
        MutationLoop loop = new(seed: 7, [Quote, MintedDcap.Platform.Quote(MintedDcap.SgxQuote with { Version = 4 }), MintedDcap.Platform.Quote(MintedDcap.TdxQuote)]);
        loop.Run(TimeSpan.FromSeconds(3), input =>
        {
            DcapVerifier.Verify(Tee.Sgx, input, Verified, Now);
            DcapVerifier.Verify(Tee.Tdx, input, Verified, Now);
            MutationLoop.Refuses(() => EvidenceInspector.Inspect(Tee.Sgx, input));
        });
    }

    [Fact]
    public void Mutated_collateral_and_certificates_are_refused_or_read()
    {
        MutationLoop json = new(seed: 8, [Collateral.TcbInfo.ToArray(), Collateral.QeIdentity.ToArray(), MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.TdxCollateral).TcbInfo.ToArray()]);
        json.Run(TimeSpan.FromSeconds(2), input =>
        {
            MutationLoop.Refuses(() => TcbInfo.Parse(input));
            MutationLoop.Refuses(() => EnclaveIdentity.Parse(input));
        });
        MutationLoop der = new(seed: 9, [.. MintedDcap.Platform.PckChain.Select(c => c.Der.ToArray()), Collateral.PckCrl.ToArray(), Collateral.PckCrlIssuerChain.ToArray()]);
        der.Run(TimeSpan.FromSeconds(2), input =>
        {
            MutationLoop.Refuses(() => PckExtension.Parse(Certificate.Parse(input)));
            MutationLoop.Refuses(() => Certificate.Parse(input).CommonName);
            MutationLoop.Refuses(() => RevocationList.Parse(input));
            MutationLoop.Refuses(() => PemCertificates.Parse(input));
        });
    }

    private static IEnumerable<(ReadOnlyMemory<byte> File, Func<ReadOnlyMemory<byte>, DcapCollateral> With)> Files() =>
    [
        (Collateral.TcbInfo, f => Collateral with { TcbInfo = f }),
        (Collateral.QeIdentity, f => Collateral with { QeIdentity = f }),
        (Collateral.TcbSigningChain, f => Collateral with { TcbSigningChain = f }),
        (Collateral.PckCrl, f => Collateral with { PckCrl = f }),
        (Collateral.PckCrlIssuerChain, f => Collateral with { PckCrlIssuerChain = f }),
        (Collateral.RootCaCrl, f => Collateral with { RootCaCrl = f }),
    ];
}
