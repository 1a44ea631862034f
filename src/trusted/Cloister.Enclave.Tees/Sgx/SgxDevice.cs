using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Tees.Devices;

namespace Cloister.Enclave.Tees.Sgx;

/// <summary>DCAP quotes of this enclave through Gramine. secrets: none.</summary>
internal sealed class SgxDevice : IEvidenceDevice
{
    private const int MaxQuote = 32 * 1024;

    private readonly IDevices _devices;
    private readonly TargetInfo _own;

    /// <summary>Names the enclave that quotes have to be of.</summary>
    internal SgxDevice(IDevices devices, TargetInfo own)
    {
        _devices = devices;
        _own = own;
    }

    public string Tee => "sgx";

    public JsonElement Collect(EvidenceBinding binding)
    {
        _devices.WriteAll(GramineFiles.UserReportData, binding.ReportData.Span);
        byte[] quote = _devices.ReadAll(GramineFiles.Quote, MaxQuote);
        if (!SgxQuote.TryRead(quote, out SgxQuote read))
        {
            throw new TeeException($"the host gave {quote.Length} bytes that are no SGX quote of version 3: ask its operator to look at AESM and its DCAP quoting library");
        }

        if (!read.ReportData.SequenceEqual(binding.ReportData.Span))
        {
            throw new TeeException("the quote does not cover what was asked: the host gave an old one or another's, ask its operator to look at AESM");
        }

        return read.MrEnclave.SequenceEqual(_own.MrEnclave) && !read.IsDebug
            ? EvidenceText.Write(("quote", quote))
            : throw new TeeException("the quote is of another enclave: ask the host's operator to look at AESM");
    }

    public TeeException Explain(DeviceException refusal) => Advice(refusal);

    internal static TeeException Advice(DeviceException refusal) => refusal switch
    {
        { Error: Errno.NotFound } => new TeeException(
            $"{refusal.Message}: run the enclave with gramine-sgx, with sgx.remote_attestation = \"dcap\" in its manifest"),
        { IsPermission: true } when !IsQuotingFailure(refusal) => new TeeException($"{refusal.Message}: Gramine refuses it to this process; take {GramineFiles.Folder} out of fs.mounts in the manifest"),
        _ => new TeeException($"{refusal.Message}: the host gives no quote; ask its operator whether AESM and the DCAP quoting library run, and whether the platform is registered", isPassing: true),
    };

    // Gramine answers EACCES for every quote that it does not get, also when AESM is away. Source: libos/src/fs/dev/attestation.c, quote_load.
    private static bool IsQuotingFailure(DeviceException refusal) => refusal is { Path: GramineFiles.Quote, Error: Errno.NoAccess };
}
