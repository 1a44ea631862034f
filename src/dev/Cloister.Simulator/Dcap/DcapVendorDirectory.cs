using System.Text;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Simulator.Dcap;

/// <summary>
/// A simulated vendor and one platform of it in a directory that several processes share: <c>UNPROTECTED-vendor.pem</c>,
/// <c>UNPROTECTED-platform.pem</c>, <c>root.pem</c> for policies, and <c>collateral/</c> for verifiers.
/// </summary>
public static class DcapVendorDirectory
{
    /// <summary>What a policy must name to accept this vendor's evidence.</summary>
    public const string RootFile = "root.pem";

    /// <summary>What a verifier reads.</summary>
    public const string CollateralFolder = "collateral";

    private const string VendorFile = "UNPROTECTED-vendor.pem";
    private const string PlatformFile = "UNPROTECTED-platform.pem";
    private const int CollateralDays = 30;

    /// <summary>The directory's platform; vendor, platform and collateral are made at first use, and collateral again when it is about to end.</summary>
    /// <exception cref="IOException">The directory cannot be read or written.</exception>
    public static DcapPlatform Open(string directory, DateTimeOffset now)
    {
        Directory.CreateDirectory(directory);
        using FileStream only = Lock(Path.Combine(directory, "lock"));
        string vendorPath = Path.Combine(directory, VendorFile);
        if (!File.Exists(vendorPath))
        {
            using DcapVendor made = DcapVendor.Create(now.AddDays(-1));
            using DcapPlatform first = made.NewPlatform(new DcapPlatformRequest());
            Write(directory, PlatformFile, Encoding.ASCII.GetBytes(first.Export()));
            Write(directory, RootFile, DcapVendor.Pem(made.Root.Certificate));
            Write(directory, VendorFile, Encoding.ASCII.GetBytes(made.Export()));
        }

        DcapPlatform platform = DcapPlatform.Import(new DcapPlatformRequest(), File.ReadAllText(Path.Combine(directory, PlatformFile)));
        RefreshCollateral(directory, vendorPath, platform, now);
        return platform;
    }

    private static void RefreshCollateral(string directory, string vendorPath, DcapPlatform platform, DateTimeOffset now)
    {
        string collateral = Path.Combine(directory, CollateralFolder);
        string last = Path.Combine(collateral, "root_ca_crl.der");
        if (File.Exists(last) && now - File.GetLastWriteTimeUtc(last) < TimeSpan.FromDays(CollateralDays / 2))
        {
            return;
        }

        Directory.CreateDirectory(collateral);
        using DcapVendor vendor = DcapVendor.Import(File.ReadAllText(vendorPath));
        DcapCollateral made = vendor.NewCollateral(platform, new DcapCollateralRequest { IssueDate = now.AddHours(-1), NextUpdate = now.AddDays(CollateralDays) });
        Write(collateral, "tcb_info.json", made.TcbInfo.Span);
        Write(collateral, "qe_identity.json", made.QeIdentity.Span);
        Write(collateral, "tcb_signing_chain.pem", made.TcbSigningChain.Span);
        Write(collateral, "pck_crl.der", made.PckCrl.Span);
        Write(collateral, "pck_crl_issuer_chain.pem", made.PckCrlIssuerChain.Span);
        Write(collateral, "root_ca_crl.der", made.RootCaCrl.Span);
    }

    // Whole or not at all: a verifier may be reading.
    private static void Write(string directory, string name, ReadOnlySpan<byte> content)
    {
        string path = Path.Combine(directory, name);
        string beside = path + ".new";
        using (FileStream stream = new(beside, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = name.StartsWith("UNPROTECTED", StringComparison.Ordinal)
                ? UnixFileMode.UserRead | UnixFileMode.UserWrite
                : UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        }))
        {
            stream.Write(content);
        }

        File.Move(beside, path, overwrite: true);
    }

    private static FileStream Lock(string path)
    {
        for (int tries = 0; ; tries++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (tries < 100)
            {
                Thread.Sleep(50);
            }
        }
    }
}
