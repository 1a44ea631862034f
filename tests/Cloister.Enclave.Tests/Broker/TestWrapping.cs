using System.Security.Cryptography;
using System.Text;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>Wrap and unwrap of the broker of a test: AES-GCM, bound to key_id and context.</summary>
internal static class TestWrapping
{
    internal static async Task AnswerAsync(HttpContext context, CryptoRequest request, bool wrap, TestBroker broker)
    {
        if (context.Request.Headers.Authorization != "Bearer token" || broker.Find(request.KeyId) is not { } key)
        {
            await TestBroker.RefuseAsync(context, broker.Find(request.KeyId) is null ? "KekNotFound" : "TokenVerifierError");
            return;
        }

        broker.Items.Enqueue(request.Items.Count);
        byte[] aad = Encoding.ASCII.GetBytes($"{request.KeyId}|{request.Purpose}|{request.Cluster}|{request.Provider}");
        using AesGcm cipher = new(key, 16);
        byte[]?[] items = [.. request.Items.Select(item => wrap ? Wrap(cipher, item, aad) : Unwrap(cipher, item, aad))];
        await context.Response.WriteAsJsonAsync(new CryptoResponse(items), KbsJson.Default.CryptoResponse);
    }

    private static byte[] Wrap(AesGcm cipher, byte[] item, byte[] aad)
    {
        byte[] wrapped = new byte[12 + item.Length + 16];
        RandomNumberGenerator.Fill(wrapped.AsSpan(0, 12));
        cipher.Encrypt(wrapped.AsSpan(0, 12), item, wrapped.AsSpan(12, item.Length), wrapped.AsSpan(12 + item.Length), aad);
        return wrapped;
    }

    private static byte[]? Unwrap(AesGcm cipher, byte[] item, byte[] aad)
    {
        if (item.Length <= 28)
        {
            return null;
        }

        byte[] clear = new byte[item.Length - 28];
        try
        {
            cipher.Decrypt(item.AsSpan(0, 12), item.AsSpan(12, clear.Length), item.AsSpan(12 + clear.Length), clear, aad);
            return clear;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
