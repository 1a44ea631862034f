using System.Collections.Concurrent;
using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Broker.Tests;
using Cloister.Broker.Tests.Processes;
using Cloister.Kbs;

namespace Cloister.Bench.Broker;

/// <summary>
/// Renewals of known enclaves at a fixed rate while strangers attest: quotes of platform models that nobody knows, whose signatures hold; reports of SEV-SNP
/// processors that there are not; and evidence of nearly a megabyte. The PCCS takes 10 s to say that it has nothing. Everything comes from one address, so a
/// broker as it comes refuses most of it early; the second run takes that limit away, as if each stranger had an address of his own.
/// </summary>
internal static class Floods
{
    private const int RenewalsPerSecond = 20;
    private const int Models = 64;
    private const int Padding = 900_000;

    // Attestations of strangers a second.
    private static readonly int[] Rates = [0, 40, 100, 300];

    internal static async Task<JsonObject> RunAsync(string program, string database, TimeSpan length)
    {
        using CollateralServices services = new(TimeSpan.FromSeconds(10));
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await services.GiveAsync(enclave);
        string collateral = $"{{ pccs: \"{services.Address}\", kds: \"{services.Address}\" }}";
        JsonObject result = new() { ["renewalsPerSecond"] = RenewalsPerSecond };
        foreach ((string name, string limits) in ((string, string)[])[
            ("oneSource", "perPlatform: 10000000"), ("manySources", "perPlatform: 10000000, refusalsPerSource: 10000000")])
        {
            await using BrokerUnderLoad broker = await BrokerUnderLoad.StartAsync(program, database, enclave, collateral, limits);
            using Operations operations = await Operations.StartAsync(broker, enclave);
            using Strangers strangers = new(broker, Models, Padding);
            await Load.FixedRateAsync(RenewalsPerSecond, length / 4, operations.RenewAsync); // warms up
            JsonArray rows = [];
            foreach (int rate in Rates)
            {
                rows.Add(await OneAsync(broker, operations, strangers, services, rate, length));
            }

            result[name] = rows;
        }

        return result;
    }

    private static async Task<JsonObject> OneAsync(
        BrokerUnderLoad broker, Operations operations, Strangers strangers, CollateralServices services, int rate, TimeSpan length)
    {
        (long bytes, int asked, TimeSpan cpu) = (broker.DatabaseBytes, services.Asked.Count, broker.Cpu);
        using CancellationTokenSource stop = new();
        Task flood = strangers.RunAsync(rate, stop.Token);
        JsonObject row = await Load.FixedRateAsync(RenewalsPerSecond, length, operations.RenewAsync);
        await stop.CancelAsync();
        await flood;
        row["strangersPerSecond"] = rate;
        row["answers"] = strangers.TakeAnswers();
        row["askedOfServices"] = services.Asked.Count - asked;
        row["brokerCpuSeconds"] = Math.Round((broker.Cpu - cpu).TotalSeconds, 1);
        row["databaseKiB"] = (broker.DatabaseBytes - bytes) / 1024;
        return row;
    }

    private sealed class Strangers : IDisposable
    {
        private readonly HttpClient _http;
        private readonly SimulatedGuest _guest = new();
        private readonly byte[][] _bodies;
        private ConcurrentDictionary<string, int> _answers = new();

        public Strangers(BrokerUnderLoad broker, int models, int padding)
        {
            SocketsHttpHandler handler = new() { UseCookies = false, UseProxy = false };
            handler.SslOptions.EnabledSslProtocols = SslProtocols.Tls13;
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null; // he does not care whom he floods
            _http = new HttpClient(handler) { BaseAddress = broker.Url, Timeout = TimeSpan.FromMinutes(1) };

            // Made once: whoever floods does not sign anew each time. Quotes whose signatures hold are the dearest that a stranger can send.
            _bodies = [.. Enumerable.Range(0, models).Select(i => Quote(i % 2 == 0 ? 0 : padding))];
        }

        public async Task RunAsync(int rate, CancellationToken stop)
        {
            if (rate == 0)
            {
                return;
            }

            List<Task> running = [];
            using PeriodicTimer timer = new(TimeSpan.FromSeconds(1.0 / rate));
            try
            {
                for (int i = 0; await timer.WaitForNextTickAsync(stop); i++)
                {
                    running.Add(OneAsync(i));
                }
            }
            catch (OperationCanceledException)
            {
                // Enough.
            }

            await Task.WhenAll(running);
        }

        public JsonObject TakeAnswers()
        {
            JsonObject answers = [];
            foreach ((string status, int count) in Interlocked.Exchange(ref _answers, new ConcurrentDictionary<string, int>()).OrderBy(one => one.Key, StringComparer.Ordinal))
            {
                answers[status] = count;
            }

            return answers;
        }

        public void Dispose()
        {
            _http.Dispose();
            _guest.Dispose();
        }

        private static byte[] Quote(int padding)
        {
            using SimulatedEnclave made = new(TimeProvider.System, fmspc: RandomNumberGenerator.GetBytes(6));
            string quote = Convert.ToBase64String(made.Quote(new byte[64]));
            return Encoding.UTF8.GetBytes(
                $$$"""{"runtime-data":{"nonce":"NONCE","tee-pubkey":{{{made.Jwk}}}},"tee-evidence":{"primary_evidence":{"quote":"{{{quote}}}","padding":"{{{new string('x', padding)}}}"},"additional_evidence":""}}""");
        }

        private async Task OneAsync(int index)
        {
            string status;
            try
            {
                bool isGuest = index % 3 == 2;
                using HttpResponseMessage auth = await PostAsync(
                    KbsPaths.Auth, Encoding.ASCII.GetBytes($$"""{"version":"0.4.0","tee":"{{(isGuest ? "snp" : "sgx")}}","extra-params":""}"""), null);
                string nonce = JsonNode.Parse(await auth.Content.ReadAsStringAsync())!["nonce"]!.GetValue<string>();
                string cookie = auth.Headers.GetValues("Set-Cookie").First().Split(';')[0];
                byte[] body = isGuest
                    ? JsonSerializer.SerializeToUtf8Bytes(_guest.MadeUp(nonce, ""), KbsJson.Default.AttestRequest)
                    : WithNonce(_bodies[index % _bodies.Length], nonce);
                using HttpResponseMessage answer = await PostAsync(KbsPaths.Attest, body, cookie);
                JsonNode? error = JsonNode.Parse(await answer.Content.ReadAsStringAsync());
                string type = error?["type"]?.GetValue<string>().Split('/')[^1] ?? "";
                status = answer.StatusCode == HttpStatusCode.OK ? "ok" : type;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
            {
                status = "cut off";
            }

            _answers.AddOrUpdate(status, 1, (_, count) => count + 1);
        }

        private static byte[] WithNonce(byte[] body, string nonce)
        {
            int at = body.AsSpan().IndexOf("NONCE"u8);
            return [.. body.AsSpan(0, at), .. Encoding.ASCII.GetBytes(nonce), .. body.AsSpan(at + 5)];
        }

        private Task<HttpResponseMessage> PostAsync(string path, byte[] body, string? cookie)
        {
            HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new("application/json");
            if (cookie is not null)
            {
                request.Headers.TryAddWithoutValidation("Cookie", cookie);
            }

            return _http.SendAsync(request);
        }
    }
}
