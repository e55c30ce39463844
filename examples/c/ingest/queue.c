/* SPDX-License-Identifier: Apache-2.0 */
/* The queue. Its two operations are the places where a thread waits: voluntary switches show it
 * waiting for the other side, involuntary ones the thread it woke taking its CPU. */
#include "ingest.h"

void queue_push(struct queue *queue, const struct block *block) {
    PROGNOS_SCOPE("wait_for_room");
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == QUEUE_BLOCKS)
        pthread_cond_wait(&queue->drained, &queue->mutex);
    queue->slots[(queue->first + queue->count++) % QUEUE_BLOCKS] = block;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}

const struct block *queue_pop(struct queue *queue) {
    PROGNOS_SCOPE("wait_for_block");
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0)
        pthread_cond_wait(&queue->filled, &queue->mutex);
    const struct block *block = queue->slots[queue->first];
    queue->first = (queue->first + 1) % QUEUE_BLOCKS;
    queue->count--;
    pthread_cond_signal(&queue->drained);
    pthread_mutex_unlock(&queue->mutex);
    return block;
}
