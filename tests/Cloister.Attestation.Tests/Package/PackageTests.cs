using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Simulator.Dcap;

namespace Cloister.Attestation.Tests.Package;

/// <summary>The library as others get it: packed, consumed from a folder, and an example service that runs on it.</summary>
public sealed class PackageTests : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-package-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_packages_are_whole_and_an_example_admits_who_is_attested()
    {
        string repository = Repository();
        string feed = Path.Combine(_folder, "feed");
        await RunAsync(repository, "eng/pack", feed, "https://source.invalid/cloister");
        CheckPackage(feed);

        string example = Path.Combine(_folder, "example");
        Directory.CreateDirectory(example);
        foreach (string name in (string[])["AttestedService.csproj", "Program.cs"])
        {
            File.Copy(Path.Combine(repository, "examples", "AttestedService", name), Path.Combine(example, name));
        }

        // Packages of this version that an earlier run left behind do not count.
        string[] alone = [$"-p:CloisterFeed={feed}", $"-p:RestorePackagesPath={Path.Combine(_folder, "packages")}", $"-p:RestoreFallbackFolders={Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages")}"];
        await RunAsync(example, "dotnet", ["build", "-c", "Release", "--nologo", "-v", "quiet", "-warnaserror", .. alone]);
        await AdmitsAsync(Path.Combine(example, "bin", "Release", "net10.0", "AttestedService.dll"));
    }

    private static void CheckPackage(string feed)
    {
        using ZipArchive package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(feed, "Cloister.Attestation.0.*.nupkg")));
        string[] names = [.. package.Entries.Select(entry => entry.FullName)];
        Assert.Contains("README.md", names);
        Assert.Contains("lib/net10.0/Cloister.Attestation.xml", names);
        Assert.Contains("lib/net10.0/Cloister.Attestation.dll", names);
        XDocument nuspec = XDocument.Load(package.GetEntry("Cloister.Attestation.nuspec")!.Open());
        XNamespace ns = nuspec.Root!.Name.Namespace;
        Assert.Equal(["System.Formats.Cbor"], nuspec.Descendants(ns + "dependency").Select(dependency => (string?)dependency.Attribute("id")));
        Assert.Equal("Apache-2.0", (string?)nuspec.Descendants(ns + "license").Single());
        Assert.Matches("^[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$", (string?)nuspec.Descendants(ns + "version").Single() ?? "");

        using MemoryStream assembly = new();
        using (Stream packed = package.GetEntry("lib/net10.0/Cloister.Attestation.dll")!.Open())
        {
            packed.CopyTo(assembly);
        }

        assembly.Position = 0;
        using System.Reflection.PortableExecutable.PEReader reader = new(assembly);
        System.Reflection.PortableExecutable.DebugDirectoryEntry[] debug = [.. reader.ReadDebugDirectory()];
        Assert.Contains(debug, entry => entry.Type == System.Reflection.PortableExecutable.DebugDirectoryEntryType.Reproducible);
        using System.Reflection.Metadata.MetadataReaderProvider symbols =
            reader.ReadEmbeddedPortablePdbDebugDirectoryData(debug.Single(entry => entry.Type == System.Reflection.PortableExecutable.DebugDirectoryEntryType.EmbeddedPortablePdb));
        System.Reflection.Metadata.MetadataReader pdb = symbols.GetMetadataReader();
        Assert.All(pdb.Documents, document => Assert.StartsWith("/src/", pdb.GetString(pdb.GetDocument(document).Name), StringComparison.Ordinal));
        Assert.Contains(pdb.CustomDebugInformation, information => Encoding.UTF8.GetString(pdb.GetBlobBytes(pdb.GetCustomDebugInformation(information).Value)).Contains("https://source.invalid/cloister/*", StringComparison.Ordinal));
    }

    private async Task AdmitsAsync(string program)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        DcapVendor vendor = DcapVendor.Create(now.AddYears(-1));
        DcapPlatform platform = vendor.NewPlatform(new DcapPlatformRequest());
        DcapCollateral collateral = vendor.NewCollateral(platform, new DcapCollateralRequest { Tee = Tee.Sgx, IssueDate = now.AddDays(-1), NextUpdate = now.AddDays(29) });
        string directory = Directory.CreateDirectory(Path.Combine(_folder, "collateral")).FullName;
        foreach ((string name, ReadOnlyMemory<byte> bytes) in (ReadOnlySpan<(string, ReadOnlyMemory<byte>)>)
            [("tcb_info.json", collateral.TcbInfo), ("qe_identity.json", collateral.QeIdentity), ("tcb_signing_chain.pem", collateral.TcbSigningChain), ("pck_crl.der", collateral.PckCrl),
             ("pck_crl_issuer_chain.pem", collateral.PckCrlIssuerChain), ("root_ca_crl.der", collateral.RootCaCrl)])
        {
            File.WriteAllBytes(Path.Combine(directory, name), bytes.Span);
        }

        byte[] enclave = [.. Enumerable.Repeat((byte)0xE1, 32)];
        await File.WriteAllBytesAsync(Path.Combine(_folder, "root.der"), vendor.Root.Certificate.Der);
        await File.WriteAllTextAsync(Path.Combine(_folder, "policy.yaml"), $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: AppraisalPolicy
            metadata: { name: example }
            spec:
              sgx:
                debug: refuse
                enclave: [{ mrenclave: {{Convert.ToHexStringLower(enclave)}} }]
                configid: any
                tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: any, minDate: any }
                platforms: { allow: any }
                reportData: expected
            """);

        Uri address = new($"http://127.0.0.1:{FreePort()}");
        ProcessStartInfo start = new("dotnet", [program, "--urls", address.ToString(), "--Policy", Path.Combine(_folder, "policy.yaml"), "--Collateral", directory, "--Root", Path.Combine(_folder, "root.der")])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
        };
        using Process service = Process.Start(start)!;
        try
        {
            using CancellationTokenSource timeout = new(Timeout);
            while (await service.StandardOutput.ReadLineAsync(timeout.Token) is { } line && !line.Contains("Application started", StringComparison.Ordinal))
            {
            }

            using HttpClient client = new() { BaseAddress = address };
            byte[] Quote(string nonce, byte[] measurement) =>
                platform.QuoteSgx(new EnclaveReportFields { MrEnclave = measurement, ReportData = SHA512.HashData(Encoding.ASCII.GetBytes(nonce)) });

            string nonce = await NonceAsync(client);
            byte[] good = Quote(nonce, enclave);
            Assert.Equal((true, ""), await AdmitAsync(client, nonce, good));
            Assert.Equal((false, "ask for another nonce"), await AdmitAsync(client, nonce, good));

            nonce = await NonceAsync(client);
            Assert.Equal((true, ""), await AdmitAsync(client, nonce, Encoding.ASCII.GetBytes(Convert.ToBase64String(Quote(nonce, enclave)))));
            nonce = await NonceAsync(client);
            Assert.Contains("reportData", (await AdmitAsync(client, nonce, good)).Why, StringComparison.Ordinal);
            nonce = await NonceAsync(client);
            Assert.Contains("enclave", (await AdmitAsync(client, nonce, Quote(nonce, new byte[32]))).Why, StringComparison.Ordinal);
            nonce = await NonceAsync(client);
            Assert.Contains("unknown_form", (await AdmitAsync(client, nonce, "no evidence"u8.ToArray())).Why, StringComparison.Ordinal);
        }
        finally
        {
            service.Kill(entireProcessTree: true);
            await service.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static async Task<string> NonceAsync(HttpClient client) => await (await client.PostAsync("/nonce", null)).EnsureSuccessStatusCode().Content.ReadAsStringAsync();

    private static async Task<(bool Admitted, string Why)> AdmitAsync(HttpClient client, string nonce, byte[] evidence)
    {
        using ByteArrayContent content = new(evidence);
        using HttpResponseMessage answer = await client.PostAsync($"/admit/{nonce}", content);
        using JsonDocument json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        bool admitted = json.RootElement.GetProperty("admitted").GetBoolean();
        Assert.Equal(admitted ? HttpStatusCode.OK : HttpStatusCode.Forbidden, answer.StatusCode);
        return (admitted, json.RootElement.GetProperty("why").GetString()!);
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task RunAsync(string folder, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(Path.IsPathRooted(program) || !program.Contains('/') ? program : Path.Combine(folder, program), arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource timeout = new(Timeout);
        await process.WaitForExitAsync(timeout.Token);
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {await output}{await errors}");
    }

    private static string Repository()
    {
        DirectoryInfo? repository = new(AppContext.BaseDirectory);
        while (repository is not null && !File.Exists(Path.Combine(repository.FullName, "Cloister.slnx")))
        {
            repository = repository.Parent;
        }

        Assert.SkipWhen(repository is null, "The tests do not run in the repository.");
        return repository!.FullName;
    }
}
