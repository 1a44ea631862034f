using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A <c>cloister-broker</c> process.</summary>
internal sealed partial class BrokerProcess : IAsyncDisposable
{
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(4);

    private static readonly string Program = typeof(BrokerProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Broker").Value!;

    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    private BrokerProcess(string configuration, params string[] act)
    {
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(Program, ["--config", configuration, .. act]) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        _process.Start();
        _process.BeginErrorReadLine();
    }

    public Uri Url { get; private set; } = new("https://unset");

    public string Pin { get; private set; } = "";

    public Uri? AdminUrl { get; private set; }

    /// <summary>Where people sign on to the console.</summary>
    public Uri? ConsoleUrl { get; private set; }

    public string Authority => Convert.ToHexStringLower(Convert.FromBase64String(Pin["sha256:".Length..]).AsSpan(0, 16));

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>Starts one that is expected to get ready.</summary>
    public static async Task<BrokerProcess> StartAsync(string configuration)
    {
        BrokerProcess broker = new(configuration);
        try
        {
            using CancellationTokenSource limit = new(Timeout);
            string? line = await broker._process.StandardOutput.ReadLineAsync(limit.Token);
            Match ready = ReadyLine().Match(line ?? "");
            Assert.True(ready.Success, $"'{line}'\n{broker.Errors}");
            broker.Url = new Uri(ready.Groups[1].Value);
            broker.Pin = ready.Groups[2].Value;
            broker.AdminUrl = ready.Groups[3].Success ? new Uri(ready.Groups[3].Value) : null;
            broker.ConsoleUrl = ready.Groups[4].Success ? new Uri(ready.Groups[4].Value) : null;
            return broker;
        }
        catch
        {
            await broker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts an act, which the caller ends or kills.</summary>
    public static BrokerProcess Begin(string configuration, params string[] act) => new(configuration, act);

    /// <summary>Runs one that is expected to end by itself.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string configuration, params string[] act)
    {
        await using BrokerProcess broker = new(configuration, act);
        using CancellationTokenSource limit = new(Timeout);
        string output = await broker._process.StandardOutput.ReadToEndAsync(limit.Token);
        await broker._process.WaitForExitAsync(limit.Token);
        return (broker._process.ExitCode, output, broker.Errors);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGHUP; returns when the broker says what came of it.</summary>
    public async Task ReloadAsync()
    {
        int before = Reloads();
        Assert.Equal(0, SendSignal(_process.Id, 1));
        using CancellationTokenSource limit = new(Timeout);
        while (Reloads() == before)
        {
            await Task.Delay(20, limit.Token);
        }
    }

    private int Reloads() => Errors.Split("configuration read again").Length + Errors.Split("configuration was not reloaded").Length;

    /// <summary>SIGTERM, and how it ended.</summary>
    public async Task<int> StopAsync()
    {
        Assert.Equal(0, SendSignal(_process.Id, 15));
        using CancellationTokenSource limit = new(Timeout);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await StopAsync();
        }

        _process.Dispose();
    }

    public static string PinOf(X509Certificate2 certificate) =>
        $"sha256:{Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()))}";

    /// <summary>A certificate of a new key, marked for administrators as <c>cloister admin keygen</c> does, or for another role.</summary>
    public static X509Certificate2 NewCertificate(string name, string role = CertificateRole.Administrator)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(CertificateRole.UsageOf(role))], critical: false));
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri(role));
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    [GeneratedRegex("^ready (https://[^ ]+) pin (sha256:[A-Za-z0-9+/=]{44})(?: admin (https://[^ ]+)(?: console (https://[^ ]+))?)?$")]
    private static partial Regex ReadyLine();

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SendSignal(int processId, int signal);
}
