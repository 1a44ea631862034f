using System.Net.Sockets;
using System.Security.Cryptography;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Operators;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Client = Cloister.Contracts.EnclaveAdmin.Admin.AdminClient;

namespace Cloister.Enclave.Tests.Processes;

/// <summary>An enclave process whose configuration pins an operator: what whoever reaches its admin socket can do to its KEKs.</summary>
public sealed class OperatorTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly ECDsa _operator = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _operator.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Only_the_operators_signature_over_a_fresh_ticket_changes_KEKs()
    {
        byte[] own = TestKeys.Of(1);
        byte[] planted = TestKeys.Of(2);
        using EnclaveProcess process = Start(Pin(_operator));
        await ListensAsync(process);
        using GrpcChannel channel = Open();
        Client admin = new(channel);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        await RefusedAsync(admin.ImportKekAsync(new ImportKekRequest { Name = "k", Version = 1, Key = ByteString.CopyFrom(planted) }, cancellationToken: Stop));
        await RefusedAsync(admin.CreateKekAsync(new CreateKekRequest { Name = "k" }, cancellationToken: Stop));
        await RefusedAsync(admin.ImportKekAsync(await ImportAsync(admin, other, 1, planted), cancellationToken: Stop));
        Assert.Empty((await StateAsync(admin)).Keks);

        ImportKekRequest first = await ImportAsync(admin, _operator, 1, own);
        KekInfo kek = await admin.ImportKekAsync(first, cancellationToken: Stop);
        ImportKekRequest second = await ImportAsync(admin, _operator, 2, TestKeys.Of(3));
        ImportKekRequest swapped = second.Clone();
        swapped.Key = ByteString.CopyFrom(planted);
        await RefusedAsync(admin.ImportKekAsync(swapped, cancellationToken: Stop));
        KekInfo newer = await admin.ImportKekAsync(await ImportAsync(admin, _operator, 2, TestKeys.Of(3)), cancellationToken: Stop);

        // Recorded, and played again: in this life, for another act, and in the next life.
        await RefusedAsync(admin.ImportKekAsync(first, cancellationToken: Stop));
        await RefusedAsync(admin.WipeAsync(new WipeRequest { Operator = first.Operator }, cancellationToken: Stop));
        await RefusedAsync(admin.WipeAsync(new WipeRequest(), cancellationToken: Stop));
        await RefusedAsync(admin.RetireKekAsync(new RetireKekRequest { KeyId = kek.KeyId }, cancellationToken: Stop));
        EnclaveState state = await StateAsync(admin);
        Assert.Equal((newer.KeyId, 2), (state.ActiveKeyId, state.Keks.Count));
        Assert.Equal([Pin(_operator)], state.Operators);

        process.Stop();
        await process.ExitAsync(TimeSpan.FromSeconds(10));
        using EnclaveProcess again = Start(Pin(_operator));
        await ListensAsync(again);
        using GrpcChannel next = Open();
        await RefusedAsync(new Client(next).ImportKekAsync(first, cancellationToken: Stop));

        // Even signed anew an old key_id does not come back, and no signature makes a constant a KEK.
        RpcException old = await Assert.ThrowsAsync<RpcException>(
            async () => await new Client(next).ImportKekAsync(await ImportAsync(new Client(next), _operator, 1, own), cancellationToken: Stop));
        Assert.Contains("key_id comes back", old.Status.Detail, StringComparison.Ordinal);
        RpcException weak = await Assert.ThrowsAsync<RpcException>(
            async () => await new Client(next).ImportKekAsync(await ImportAsync(new Client(next), _operator, 9, new byte[32]), cancellationToken: Stop));
        Assert.Contains("not random", weak.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(newer.KeyId, (await StateAsync(new Client(next))).ActiveKeyId);
    }

    [Fact]
    public async Task The_waiver_is_loud_and_no_operator_means_no_change()
    {
        using (EnclaveProcess waived = Start("any"))
        {
            await ListensAsync(waived);
            using GrpcChannel channel = Open();
            await new Client(channel).CreateKekAsync(new CreateKekRequest { Name = "k" }, cancellationToken: Stop);
            Assert.Contains("WHOEVER REACHES THE ADMIN SOCKET", waived.Error, StringComparison.Ordinal);
            Assert.Equal(["any"], (await StateAsync(new Client(channel))).Operators);
            waived.Stop();
            await waived.ExitAsync(TimeSpan.FromSeconds(10));
        }

        using EnclaveProcess process = Start(null);
        await ListensAsync(process);
        using GrpcChannel nobody = Open();
        await RefusedAsync(new Client(nobody).CreateKekAsync(new CreateKekRequest { Name = "k" }, cancellationToken: Stop));
        Assert.Contains("names nobody", process.Error, StringComparison.Ordinal);
        Assert.Single((await StateAsync(new Client(nobody))).Keks);
    }

    private static string Pin(ECDsa key) => $"sha256:{Convert.ToBase64String(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))}";

    private static async Task<EnclaveState> StateAsync(Client admin) => await admin.GetStateAsync(new GetStateRequest(), cancellationToken: Stop);

    private static async Task RefusedAsync<T>(AsyncUnaryCall<T> call)
    {
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.Contains("--operator-key", refused.Status.Detail, StringComparison.Ordinal);
    }

    private static async Task<ImportKekRequest> ImportAsync(Client admin, ECDsa key, uint version, byte[] kek)
    {
        ByteString ticket = (await admin.GetTicketAsync(new GetTicketRequest { Kek = "k" }, cancellationToken: Stop)).Ticket;
        OperatorStatement change = new(OperatorAct.Import, "cluster-1", "cloister", ticket.Memory) { Kek = "k", Version = version, Active = true, KeyDigest = SHA256.HashData(kek) };
        return new ImportKekRequest
        {
            Name = "k",
            Version = version,
            Key = ByteString.CopyFrom(kek),
            Operator = new Contracts.EnclaveAdmin.OperatorSignature
            {
                PublicKey = ByteString.CopyFrom(key.ExportSubjectPublicKeyInfo()),
                Signature = ByteString.CopyFrom(change.Sign(key)),
                Ticket = ticket,
            },
        };
    }

    private static Task ListensAsync(EnclaveProcess process) => Eventually.TrueAsync(
        () => process.Error.Contains("kms listens on", StringComparison.Ordinal) || process.HasExited, "the socket answers");

    private GrpcChannel Open() => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(_folder.File("admin.sock")), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        },
    });

    private EnclaveProcess Start(string? operators)
    {
        Directory.CreateDirectory(_folder.File("state"));
        string manual = operators switch
        {
            null => "",
            "any" => "\n  manual: {operators: any}",
            _ => $"\n  manual: {{operators: [\"{operators}\"]}}",
        };
        File.WriteAllText(_folder.File("enclave.yaml"), $"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: cluster-1
            provider: cloister
            kms:
              listen: unix:{_folder.File("kms.sock")}
            admin:
              listen: unix:{_folder.File("admin.sock")}
            custody:
              mode: manual{manual}
            state:
              directory: {_folder.File("state")}
            simulation:
              sealingKeyFile: {_folder.File("sealing.key")}
            """);
        return EnclaveProcess.Start("cloister-enclave-sim", ["--config", _folder.File("enclave.yaml")]);
    }
}
